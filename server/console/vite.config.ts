import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

export default defineConfig({
  base: "/console/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [precompress()],
  build: {
    // Not `dist`: the crate embeds that folder as it is, and would go on with an old one.
    outDir: "../../target/console",
    target: "es2022",
    // The polyfill would be for browsers that cannot run the rest either.
    modulePreload: { polyfill: false },
    // A file inlined as a data: URL would need a wider content security policy.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // The licences of the packages in the bundle ask for this.
    license: { fileName: "licenses.txt" },
  },
});

/** Writes each file compressed next to it, so that the server need not compress. */
function precompress(): Plugin {
  let folder = "";
  return {
    name: "precompress",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
      if (config.build.outDir.startsWith("/")) folder = config.build.outDir;
    },
    closeBundle() {
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        const file = join(folder, name);
        if (!statSync(file).isFile()) continue;
        const bytes = readFileSync(file);
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
        for (const [suffix, small] of [
          ["gz", gzipSync(bytes, { level: 9 })],
          ["br", brotliCompressSync(bytes, { params })],
        ] as const) {
          if (small.length < bytes.length) writeFileSync(`${file}.${suffix}`, small);
        }
      }
    },
  };
}
