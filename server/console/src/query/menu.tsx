// A button that opens a small panel.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import "./menu.css";

export interface MenuProps {
  label: ComponentChildren;
  /** What a screen reader calls the panel. */
  name: string;
  class?: string;
  /** Whether the panel is aligned with the right edge of the button. */
  end?: boolean;
  children: (close: () => void) => ComponentChildren;
}

/** A menu: it closes on Escape, on a click elsewhere, and when the focus leaves it. */
export function Menu({ label, name, end, children, ...props }: MenuProps) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!isOpen) return;
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    const elsewhere = () => setOpen(false);
    addEventListener("hashchange", elsewhere);
    addEventListener("pointerdown", outside);
    addEventListener("focusin", outside);
    return () => {
      removeEventListener("hashchange", elsewhere);
      removeEventListener("pointerdown", outside);
      removeEventListener("focusin", outside);
    };
  }, [isOpen]);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div
      class={`menu ${props.class ?? ""}`}
      ref={root}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !isOpen) return;
        event.stopPropagation();
        close();
      }}
    >
      <button
        ref={button}
        type="button"
        class="button small"
        aria-expanded={isOpen}
        aria-haspopup="dialog"
        onClick={() => setOpen(!isOpen)}
      >
        {label}
        <span class="caret" aria-hidden="true">
          ▾
        </span>
      </button>
      {isOpen && (
        <div class={end ? "menu-panel end" : "menu-panel"} role="dialog" aria-label={name}>
          {children(close)}
        </div>
      )}
    </div>
  );
}
