// Where this page lies: at the root of its host, or below a path of a proxy, such as "/pictures". All code writes paths
// as if it were the root; whatever leads out of it (a link, a picture, a call, the address) goes through `at`.
import { options } from "../vendor/preact.js";

const root = new URL(import.meta.url).pathname.replace(/(\/page\/\w+)?\/js\/root\.js$/, ""); // see server/page_files.py

/** A path of this server as the browser must name it; one that is so already stays. */
export const at = (path) => (!path.startsWith("/") || path.startsWith(`${root}/`) ? path : root + path);

/** The same path as the page knows it. */
export const own = (path) => (path.startsWith(`${root}/`) || path === root ? path.slice(root.length) || "/" : path);

if (root) {
  const before = options.vnode;
  options.vnode = (vnode) => {
    if (typeof vnode.type === "string") {
      for (const name of ["href", "src"]) {
        if (typeof vnode.props[name] === "string") vnode.props[name] = at(vnode.props[name]);
      }
    }
    before?.(vnode);
  };
}
