// The address of what is shown. It is in the URL's hash, so that a view can be bookmarked and shared, and the server
// needs no routes for it.
//!
// `#/d/NAME/tables/TABLE?index=…`: segments are percent-encoded names, parameters are those of the view.

import { effect, signal } from "@preact/signals";

/** What is shown. */
export interface Route {
  /** The decoded segments, such as `["d", "local", "tables", "orders"]`. */
  path: string[];
  params: URLSearchParams;
}

/** The current route. */
export const route = signal<Route>(read(location.hash));

/** The hash of a route, for a link. */
export function href(path: string[], params?: Record<string, string | undefined>): string {
  const present = Object.entries(params ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== "");
  const query = new URLSearchParams(present).toString();
  return `#/${path.map(encodeURIComponent).join("/")}${query && `?${query}`}`;
}

/** Goes to a route. With `replace`, without an entry in the browser's history. */
export function navigate(to: string, replace = false): void {
  if (to === location.hash) return;
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  route.value = read(to);
}

/** Changes some parameters of the current route; `undefined` and the empty text remove one. */
export function setParams(change: Record<string, string | undefined>, replace = true): void {
  const params = Object.fromEntries(route.peek().params);
  navigate(href(route.peek().path, { ...params, ...change }), replace);
}

/** Follows the browser's back and forward buttons and clicks on links. */
export function followAddress(): void {
  const follow = () => {
    route.value = read(location.hash);
  };
  addEventListener("hashchange", follow);
  addEventListener("popstate", follow);
}

/** Reads a hash. A segment that is not valid percent-encoding is taken as it is. */
export function read(hash: string): Route {
  const text = hash.replace(/^#\/?/, "");
  const mark = text.indexOf("?");
  const path = mark < 0 ? text : text.slice(0, mark);
  const segments = path.split("/").filter((segment) => segment !== "");
  return { path: segments.map(decode), params: new URLSearchParams(mark < 0 ? "" : text.slice(mark + 1)) };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Calls back after each change of the route. Returns what ends that. */
export function onRoute(changed: (route: Route) => void): () => void {
  return effect(() => changed(route.value));
}
