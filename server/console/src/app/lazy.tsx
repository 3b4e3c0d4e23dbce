// Views that are loaded when they are first shown, so that the first load stays small.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { problemOf } from "../api/problem";
import { texts } from "../texts";
import { ProblemBox } from "./problem";

/** A component that is loaded on first use. */
export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | undefined;
  return function Lazy(props: P) {
    const [, redraw] = useState(0);
    const [error, setError] = useState<unknown>();
    useEffect(() => {
      if (loaded) return;
      load().then((component) => {
        loaded = component;
        redraw((count) => count + 1);
      }, setError);
    }, []);
    if (error) {
      // The browser asks for a file that has failed only once for each page, so only another page has all of them.
      return (
        <main class="page">
          <ProblemBox problem={{ ...problemOf(error), detail: texts.app.viewNotLoaded }}>
            <button type="button" class="button small" onClick={() => location.reload()}>
              {texts.app.reloadPage}
            </button>
          </ProblemBox>
        </main>
      );
    }
    const View = loaded;
    return View ? <View {...props} /> : <div class="loading" aria-busy="true" />;
  };
}
