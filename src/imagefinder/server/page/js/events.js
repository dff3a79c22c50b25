// The server's events, over one connection for the whole page: `onEvent("job", job => ..)`.
import { locked, whenEntered } from "./api.js";
import { found, look } from "./connection.js";
import { at } from "./root.js";

const listeners = new Map(); // name -> Set of functions
const NAMES = ["job", "changed"];
const ALL = ["images", "clusters", "maps", "duplicates"];
const RETRY_MS = [500, 1000, 2000, 5000, 10000];

let source = null;
let begun = false;
let connected = false;
let failures = 0;

function connect() {
  source = new EventSource(at("/v1/events"));
  source.onopen = () => {
    failures = 0;
    tell("connected", {}); // for the first time or again: what happened before was missed
    if (connected) tell("changed", { what: ALL });
    connected = true;
  };
  source.onerror = () => {
    source.close(); // the browser's own retry gives up on an error status
    look(); // it may be gone, or only this connection
    setTimeout(() => found().then(() => whenUnlocked(connect)), RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
  };
  for (const name of NAMES) source.addEventListener(name, (event) => tell(name, JSON.parse(event.data)));
}

/** While the server waits for its key, every try would fail. */
function whenUnlocked(work) {
  if (!locked.get()) return work();
  const stop = locked.watch((is) => is || (stop(), work()));
}

function tell(name, data) {
  for (const listener of [...(listeners.get(name) ?? [])]) listener(data);
}

/**
 * @param {"job" | "changed" | "connected"} name
 * @param {(data: any) => void} listener
 * @returns {() => void} to stop listening
 */
export function onEvent(name, listener) {
  if (!begun) whenEntered().then(connect);
  begun = true;
  if (!listeners.has(name)) listeners.set(name, new Set());
  listeners.get(name).add(listener);
  return () => listeners.get(name).delete(listener);
}

/** Calls `listener` when the server says that one of `what` has changed ("images", "clusters", "maps", "duplicates"). */
export function onChanged(what, listener) {
  return onEvent("changed", (data) => {
    if (data.what.some((one) => what.includes(one))) listener();
  });
}
