// Separate from vite.config.ts, because the crate's build installs no test programs.
import { defineConfig, mergeConfig } from "vitest/config";
import vite from "./vite.config.ts";

export default mergeConfig(
  vite,
  defineConfig({ test: { environment: "happy-dom", include: ["src/**/*.test.{ts,tsx}"] } }),
);
