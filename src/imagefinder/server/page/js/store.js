// A value that components can watch: `const s = store(0); s.set(1); useStore(s)`.
import { useLayoutEffect, useState } from "../vendor/preact.js";

/**
 * @template T
 * @param {T} initial
 */
export function store(initial) {
  let value = initial;
  const watchers = new Set();
  return {
    get: () => value,
    /** @param {T | ((former: T) => T)} next */
    set(next) {
      const wanted = typeof next === "function" ? next(value) : next;
      if (Object.is(wanted, value)) return;
      value = wanted;
      for (const watcher of [...watchers]) watcher(value);
    },
    /** @param {(value: T) => void} watcher @returns {() => void} to stop watching */
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}

/** The store's value; the component is drawn again when it changes. */
export function useStore(source) {
  const [value, setValue] = useState(() => source.get());
  useLayoutEffect(() => {
    setValue(() => source.get()); // it may have changed between drawing and now
    return source.watch((next) => setValue(() => next));
  }, [source]);
  return value;
}

/** A store whose value outlives the page, where the browser allows that. */
export function keptStore(name, initial) {
  let first = initial;
  try {
    first = JSON.parse(localStorage.getItem(name) ?? "null") ?? initial;
  } catch {}
  const kept = store(first);
  kept.watch((value) => {
    try {
      localStorage.setItem(name, JSON.stringify(value));
    } catch {}
  });
  return kept;
}
