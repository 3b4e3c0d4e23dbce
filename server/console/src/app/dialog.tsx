// A modal dialog. The browser keeps the focus inside, and Escape closes it.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

/** A dialog that is open as long as it is rendered. `closed` is called when people close it. */
export function Dialog({ label, kind, closed, children }: { label: string; kind?: string; closed: () => void; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null);
  // At once: keys that are pressed before or after it was open belong to what is then shown.
  useLayoutEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={kind}
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault();
        closed();
      }}
      onMouseDown={(event) => {
        if (event.target === element.current) closed();
      }}
    >
      {children}
    </dialog>
  );
}
