// Where the focus goes when what had it is no longer shown.

import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

/** How long a new view may take to show its heading, in milliseconds. */
const LOADS = 10_000;

/** Whether the focus is on nothing but the page, or on the part that has all views. */
function isLost(): boolean {
  const focused = document.activeElement;
  return focused === null || focused === document.body || focused.id === "main";
}

/** Moves the focus to the heading of the page. Returns whether there is one. */
export function focusHeading(): boolean {
  const heading = document.querySelector<HTMLElement>("#main h1, main h1");
  if (!heading) return false;
  heading.tabIndex = -1;
  heading.focus();
  return true;
}

/**
 * When `keys` have changed, and what had the focus is gone, the heading of the page gets it, as soon as it is there. A
 * page that nobody has touched yet keeps it where the browser put it.
 */
export function useKeptFocus(keys: readonly unknown[]): void {
  // Before the change is shown.
  const hadFocus = document.activeElement !== null && document.activeElement !== document.body;
  useEffect(() => {
    if (!hadFocus || !isLost() || focusHeading()) return;
    document.getElementById("main")?.focus();
    const observer = new MutationObserver(() => {
      if (!isLost() || focusHeading()) observer.disconnect();
    });
    observer.observe(document.body, { childList: true, subtree: true });
    const timer = setTimeout(() => observer.disconnect(), LOADS);
    return () => {
      clearTimeout(timer);
      observer.disconnect();
    };
  }, keys);
}

/** While the page is inert, nothing in it has the focus. Afterwards, what had it before gets it again. */
export function useFocusBack(isInert: boolean): void {
  const before = useRef<Element | null>(null);
  if (isInert) before.current ??= document.activeElement;
  useLayoutEffect(() => {
    if (isInert) return;
    if (before.current instanceof HTMLElement && before.current.isConnected) before.current.focus();
    before.current = null;
  }, [isInert]);
}
