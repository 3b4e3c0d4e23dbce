// Two parts, one above the other, with a line between them that can be moved.

import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";

/** The parts, and the share of the upper one. It is kept while the page is open. */
export function Split({ label, children }: { label: string; children: [ComponentChildren, ComponentChildren] }) {
  const [share, setShare] = useState(remembered);
  const root = useRef<HTMLDivElement>(null);
  const set = (next: number) => {
    remembered = Math.max(15, Math.min(85, Math.round(next)));
    setShare(remembered);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowUp: -4, ArrowDown: 4, Home: -100, End: 100 };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    set(share + step);
  };
  return (
    <div class="split" ref={root} style={{ "--share": `${share}%` }}>
      {children[0]}
      <div
        class="split-line"
        role="separator"
        aria-orientation="horizontal"
        aria-label={label}
        aria-valuenow={share}
        aria-valuemin={15}
        aria-valuemax={85}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={(event) => {
          const box = root.current?.getBoundingClientRect();
          if (box && event.currentTarget.hasPointerCapture(event.pointerId))
            set(((event.clientY - box.top) / box.height) * 100);
        }}
      />
      {children[1]}
    </div>
  );
}

let remembered = 46;
