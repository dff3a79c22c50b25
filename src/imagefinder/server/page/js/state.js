// Where we are: the URL holds the state of every view, so that back, forward, reload and sharing work.
import { at, own } from "./root.js";
import { store, useStore } from "./store.js";

/** @typedef {{path: string, params: URLSearchParams, url: string}} Place */

const here = () => ({
  path: own(location.pathname),
  params: new URLSearchParams(location.search),
  url: own(location.pathname) + location.search,
});

/** @type {ReturnType<typeof store<Place>>} */
export const place = store(here());
export const usePlace = () => useStore(place);

history.scrollRestoration = "manual";

let back = false;
/** Whether the last change of place was "back" or "forward", which restores the scroll position itself. */
export const cameBack = () => back;

/** Go to a URL of this page. A new path starts at its top; `replace` makes no step for "back". */
export function navigate(url, { replace = false } = {}) {
  const target = new URL(at(url), location.href);
  if (target.href === location.href) return;
  const samePath = target.pathname === location.pathname;
  back = false;
  if (replace) {
    history.replaceState(history.state, "", target);
  } else {
    keepScroll();
    history.pushState(null, "", target);
  }
  place.set(here());
  if (!samePath) scrollTo(0, 0);
}

/**
 * The URL of this place with other parameters: `withParams({ q: "bike", filter: null })`. Null, "" and false remove
 * one; a list is written with commas.
 */
export function withParams(changes, { path = own(location.pathname), from = location.search } = {}) {
  const params = new URLSearchParams(from);
  for (const [name, value] of Object.entries(changes)) {
    const text = Array.isArray(value) ? value.join(",") : value === true ? "1" : (value ?? "");
    if (text === "" || text === false) params.delete(name);
    else params.set(name, text);
  }
  // commas and colons may stand in a query as they are, and ids and boxes stay readable so
  const search = params.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return path + (search ? `?${search}` : "");
}

export const setParams = (changes, options) => navigate(withParams(changes), options);

/** The elements of a list parameter such as `liked=a,b`. */
export const listParam = (params, name) => (params.get(name) ?? "").split(",").filter(Boolean);

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Whether a text may be the id of an image; an address that was cut off or written by hand need not hold one. */
export const isId = (text) => ID.test(text ?? "");

/** The URL that opens the big view of an image over the present place. */
export const imageHref = (id) => withParams({ image: id, box: null });

function keepScroll() {
  history.replaceState({ ...history.state, scroll: scrollY }, "");
}

/** Back to where the page had been scrolled to, as soon as it is long enough again. */
function restoreScroll(top) {
  const until = performance.now() + 60_000; // what is there may have to be asked for first, by a slow connection
  let stopped = false;
  const stop = () => (stopped = true);
  const stoppers = ["wheel", "touchstart", "keydown", "popstate"];
  for (const name of stoppers) addEventListener(name, stop, { once: true, passive: true });
  const tick = () => {
    if (!stopped && scrollY !== top) scrollTo(0, top);
    if (!stopped && Math.abs(scrollY - top) > 1 && performance.now() < until) requestAnimationFrame(tick);
    else for (const name of stoppers) removeEventListener(name, stop);
  };
  requestAnimationFrame(tick);
}

addEventListener("popstate", (event) => {
  back = true;
  place.set(here());
  const top = event.state?.scroll;
  if (top !== undefined) restoreScroll(top);
});
addEventListener("pagehide", keepScroll);
if (history.state?.scroll) {
  back = true; // reloaded, or come back from elsewhere
  restoreScroll(history.state.scroll);
}

const SERVED = /^\/(v1|docs|redoc|openapi\.json|metrics|healthz|readyz)(\/|$)/; // by the server, not by this page

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!link || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  if (SERVED.test(own(link.pathname))) return;
  event.preventDefault();
  navigate(link.href);
});
