// A button that opens a small panel.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
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

/**
 * A menu: it closes on Escape, on a click elsewhere, and when the focus leaves it. The arrow keys, Home and End move
 * between its entries, if it has any.
 */
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
  // The arrow key that opens a menu goes to an entry, once there is one.
  const opening = useRef<string>(undefined);
  useLayoutEffect(() => {
    if (isOpen && opening.current !== undefined) move(opening.current);
    opening.current = undefined;
  }, [isOpen]);
  /** Moves the focus to another entry. Returns whether the key does that here. */
  const move = (key: string) => {
    const focused = document.activeElement;
    const entries = [...(root.current?.querySelectorAll<HTMLElement>(".menu-item") ?? [])];
    const at = entries.findIndex((one) => one === focused);
    // In a field, or on a button below the entries, the keys have their own meaning.
    if (entries.length === 0 || (at < 0 && focused !== button.current)) return false;
    const last = entries.length - 1;
    const steps: Record<string, number> = { ArrowDown: at < last ? at + 1 : 0, ArrowUp: at > 0 ? at - 1 : last, Home: 0, End: last };
    const to = steps[key];
    if (to === undefined) return false;
    entries[to]?.focus();
    return true;
  };
  return (
    <div
      class={`menu ${props.class ?? ""}`}
      ref={root}
      onKeyDown={(event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
        if (event.key === "Escape" && isOpen) {
          event.stopPropagation();
          close();
        } else if (isOpen) {
          if (move(event.key)) event.preventDefault();
        } else if (event.target === button.current && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
          event.preventDefault();
          opening.current = event.key;
          setOpen(true);
        }
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
