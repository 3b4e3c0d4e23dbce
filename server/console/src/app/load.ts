// Loading what a view shows.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type Problem, problemOf } from "../api/problem";
import { signInNeeded } from "../api/session";

/** What is known so far. While it is loaded again, the old value stays, so that nothing jumps. */
export interface Loaded<T> {
  value: T | undefined;
  problem: Problem | undefined;
  loading: boolean;
  reload: () => void;
}

/** Loads when `keys` change, and ends what is still running for the old ones. */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, keys: readonly unknown[]): Loaded<T> {
  const [state, setState] = useState<{ value?: T; problem?: Problem; loading: boolean; keys: readonly unknown[] }>({ loading: true, keys });
  const [count, setCount] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    const abort = new AbortController();
    setState((old) => (same(old.keys, keys) ? { ...old, loading: true } : { loading: true, keys }));
    latest.current(abort.signal).then(
      (value) => {
        if (!abort.signal.aborted) setState({ value, loading: false, keys });
      },
      (error: unknown) => {
        if (!abort.signal.aborted) setState({ problem: problemOf(error), loading: false, keys });
      },
    );
    return () => abort.abort();
  }, [...keys, count]);
  const reload = useCallback(() => setCount((old) => old + 1), []);
  // What was refused because of an expired token is there once people have signed in again.
  const isRefused = !signInNeeded.value && state.problem?.status === 401;
  useEffect(() => {
    if (isRefused) reload();
  }, [isRefused]);
  // A value of other keys must not be shown, not even for one frame.
  if (!same(state.keys, keys)) return { value: undefined, problem: undefined, loading: true, reload };
  return { value: state.value, problem: state.problem, loading: state.loading, reload };
}

function same(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, index) => Object.is(value, b[index]));
}
