// A part of the page that scrolls on its own.

import type { ComponentChildren } from "preact";

/** A part that may be wider than the page. It takes the focus, so that the arrow keys scroll it. */
export function Scroll({ label, kind = "panel scroll-x", children }: { label: string; kind?: string; children: ComponentChildren }) {
  return (
    <div class={kind} role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
