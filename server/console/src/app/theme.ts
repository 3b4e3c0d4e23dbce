// Dark and light. By default the page follows the system.

import { signal } from "@preact/signals";

/** What people can choose. */
export type Theme = "system" | "light" | "dark";

const STORED = "portcullis-theme";

/** The chosen theme. */
export const theme = signal<Theme>(stored());

/** Chooses the next theme, and keeps the choice in the browser. */
export function nextTheme(): void {
  const order: Theme[] = ["system", "light", "dark"];
  theme.value = order[(order.indexOf(theme.value) + 1) % order.length] ?? "system";
  try {
    localStorage.setItem(STORED, theme.value);
  } catch {
    // A browser that keeps nothing: the choice is for this tab.
  }
}

function stored(): Theme {
  try {
    const text = localStorage.getItem(STORED);
    return text === "light" || text === "dark" ? text : "system";
  } catch {
    return "system";
  }
}

/** Applies the theme to the page. */
export function applyTheme(chosen: Theme): void {
  const root = document.documentElement;
  if (chosen === "system") delete root.dataset["theme"];
  else root.dataset["theme"] = chosen;
}
