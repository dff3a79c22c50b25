// Calls for many images: a server takes so many in one.
import { api } from "../api.js";

const AT_ONCE = 5000; // ids in one call

/**
 * @param {"post" | "patch"} method
 * @returns {Promise<{n: number, changes: string[]}>} how many images have changed, and what takes that back
 */
export async function forAll(path, ids, body = {}, field = "changed") {
  let n = 0;
  const changes = [];
  for (let i = 0; i < ids.length; i += AT_ONCE) {
    const made = await api.post(path, { ...body, ids: ids.slice(i, i + AT_ONCE) });
    n += made[field] ?? 0;
    if (made.history) changes.push(made.history);
  }
  return { n, changes };
}
