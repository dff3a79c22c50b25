// Talks to the server. Every call gives the answer or throws an ApiError that says what happened and what to do.
import { useCallback, useEffect, useRef, useState } from "../vendor/preact.js";
import { found, noAnswer } from "./connection.js";
import { at } from "./root.js";
import { store } from "./store.js";
import { texts } from "./texts.js";

export class ApiError extends Error {
  /** @param {{status: number, code: string, message: string, remedy?: string}} facts */
  constructor({ status, code, message, remedy = "" }) {
    super(message);
    Object.assign(this, { name: "ApiError", status, code, remedy });
  }
}

/** True while the server asks for a key; the shell then shows its dialog, and calls wait for it. */
export const locked = store(false);

let entered = Promise.resolve();

/** Once the link that opened the page, if one did, was exchanged for a cookie. */
export const whenEntered = () => entered;

/** A link that opens the page once has a token behind the #, which is taken out of the address before all else. */
function enter() {
  const token = /^#link=([\w-]+)$/.exec(location.hash)?.[1];
  if (!token) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  entered = request("POST", "/session", { body: { link: token } }).then(() => locked.set(false), () => {}); // or a key is asked for
}

const TRIES = 5; // of a call that gets no answer although the server is there
const READING = /^\/(search|predict|images\/columns|maps\/[^/]+\/scores|images\/[^/]+\/explain)$/; // what is asked by POST and changes nothing

async function request(method, path, { params, body, signal, as = "json", tries = TRIES } = {}) {
  if (path !== "/session") await entered;
  const address = new URL(at("/v1" + path), location.origin);
  for (const [name, value] of Object.entries(params ?? {})) {
    if (value !== null && value !== undefined && value !== "") address.searchParams.set(name, value);
  }
  const options = { method, signal, headers: {} };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["content-type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    noAnswer();
    if (tries > 1 && (method === "GET" || READING.test(path))) {
      await found(signal);
      return request(method, path, { params, body, signal, as, tries: tries - 1 });
    }
    throw new ApiError({ status: 0, code: "no-connection", message: texts.shell.noAnswer, remedy: texts.shell.isItRunning });
  }
  if (response.status === 401 && path !== "/session") {
    await unlocked(signal);
    return request(method, path, { params, body, signal, as });
  }
  if (!response.ok) throw await failure(response);
  if (response.status === 204) return null;
  return as === "bytes" ? response.arrayBuffer() : as === "blob" ? response.blob() : response.json();
}

function unlocked(signal) {
  locked.set(true);
  return new Promise((resolve, reject) => {
    const stop = locked.watch((is) => {
      if (!is) (stop(), resolve());
    });
    signal?.addEventListener("abort", () => (stop(), reject(signal.reason)), { once: true });
  });
}

async function failure(response) {
  const facts = await response.json().then((answer) => answer.error).catch(() => null);
  return new ApiError({
    status: response.status,
    code: facts?.code ?? "unexpected",
    message: facts?.message ?? texts.shell.answered(response.status),
    remedy: facts?.remedy ?? "",
  });
}

export const api = {
  get: (path, params, options) => request("GET", path, { params, ...options }),
  post: (path, body, options) => request("POST", path, { body: body ?? {}, ...options }),
  patch: (path, body, options) => request("PATCH", path, { body, ...options }),
  put: (path, body, options) => request("PUT", path, { body, ...options }),
  delete: (path, body, options) => request("DELETE", path, { body, ...options }),
  /** Multipart: `api.upload("/images", { files: [file, file], tags: "a,b" })`. */
  upload(path, fields, options) {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) for (const one of [value].flat()) form.append(name, one);
    return request("POST", path, { body: form, ...options });
  },
  /** An ArrayBuffer, for the map's arrays. */
  bytes: (path, params, options) => request("GET", path, { params, as: "bytes", ...options }),
};

enter();
addEventListener("hashchange", enter); // a link put into the address of an open page loads nothing

const SIZES = [64, 128, 256, 512, 1024, 2048];

/** URL of a thumbnail whose longest side is at least `pixels` of the screen (CSS pixels times the display's density). */
export function thumbnail(image, pixels = 256) {
  const wanted = pixels * Math.min(devicePixelRatio || 1, 2);
  const size = SIZES.find((s) => s >= wanted) ?? SIZES.at(-1);
  const version = image.content_hash ? `&v=${image.content_hash}` : "";
  return at(`/v1/images/${image.id}/thumbnail?size=${size}${version}`);
}

export const originalHref = (image) => at(`/v1/images/${image.id}/original`);
/** The PDF or video that an image is a page or frame of, at its place. */
export const placeHref = (image) => at(`/v1/images/${image.id}/file`) + (image.format === "PDF" ? `#page=${image.page}` : `#t=${image.time}`);

/** Runs one call at a time: a new one aborts the one before. `run(signal => api.get(.., {signal}))`. */
export function latest() {
  let controller = null;
  return (call) => {
    controller?.abort();
    controller = new AbortController();
    return call(controller.signal);
  };
}

export const isAbort = (error) => error?.name === "AbortError";

/**
 * What `load(signal)` gives, loaded again when `key` changes; the former one is aborted. `data` stays while the next
 * one is on its way. `loading` turns true only after 150 ms, so that quick answers don't flicker. With `key` null
 * nothing is loaded.
 *
 * @returns {{data: any, error: ApiError | null, loading: boolean, reload: () => void, setData: (data: any) => void}}
 */
export function useRequest(key, load) {
  const [state, setState] = useState({ key: null, data: null, error: null, loading: false });
  const [turn, setTurn] = useState(0);
  const loader = useRef(load);
  loader.current = load;
  useEffect(() => {
    if (key === null) return setState({ key, data: null, error: null, loading: false });
    const controller = new AbortController();
    const late = setTimeout(() => setState((s) => ({ ...s, loading: true })), 150);
    Promise.resolve(loader.current(controller.signal))
      .then((data) => controller.signal.aborted || setState({ key, data, error: null, loading: false }))
      .catch((error) => {
        if (!controller.signal.aborted) setState((s) => ({ ...s, key, error, loading: false }));
      })
      .finally(() => clearTimeout(late));
    return () => (clearTimeout(late), controller.abort());
  }, [key, turn]);
  const reload = useCallback(() => setTurn((t) => t + 1), []);
  const setData = useCallback((data) => setState((s) => ({ ...s, data })), []);
  return { ...state, reload, setData, current: state.key === key };
}
