// Whether the server answers. While it doesn't, calls that only read wait, so that every view goes on by itself.
import { at } from "./root.js";
import { store } from "./store.js";

const EVERY_MS = 1000;

/** True from the first call that got no answer until the server is there again. */
export const lost = store(false);

/** Asks the server whether it is there. */
export async function look() {
  try {
    await fetch(at("/healthz"), { cache: "no-store" });
    lost.set(false);
  } catch {
    noAnswer();
  }
}

/** A call got no answer. */
export function noAnswer() {
  if (lost.get()) return;
  lost.set(true);
  const again = async () => {
    await look();
    if (lost.get()) setTimeout(again, EVERY_MS);
  };
  setTimeout(again, EVERY_MS);
}

/** @returns {Promise<void>} once the server answers again; it fails when `signal` is aborted */
export function found(signal) {
  return new Promise((resolve, reject) => {
    if (!lost.get()) return resolve();
    const stop = lost.watch((is) => is || (stop(), resolve()));
    signal?.addEventListener("abort", () => (stop(), reject(signal.reason)), { once: true });
  });
}
