// A button that copies a text.

import { useEffect, useState } from "preact/hooks";
import { texts } from "../texts";
import { CopyIcon } from "./icons";

/** Copies `text`, and says so for a moment. */
export function CopyButton({ text, label = texts.app.copy }: { text: string; label?: string }) {
  const [state, setState] = useState<"idle" | "copied" | "failed">("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), 2000);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = () => {
    // Without a secure context there is no clipboard.
    const done = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error());
    done.then(
      () => setState("copied"),
      () => setState("failed"),
    );
  };
  const shown = { idle: label, copied: texts.app.copied, failed: texts.app.copyFailed }[state];
  return (
    <button type="button" class="button small" onClick={copy}>
      <CopyIcon />
      <span aria-live="polite">{shown}</span>
    </button>
  );
}
