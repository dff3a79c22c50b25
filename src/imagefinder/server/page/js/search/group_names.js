// Which groups have a name that may stand under a picture: one that a person gave. A name that was found for the whole
// group reads there as what this picture shows, and is often wrong.
import { useEffect, useMemo } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { onChanged } from "../events.js";

const NONE = new Set();

/** @param {boolean} wanted whether there are groups, and pictures to stand under @returns {Set<number>} */
export function useNamedGroups(wanted) {
  const { data, reload } = useRequest(wanted ? "named groups" : null, (signal) => api.get("/clusters", {}, { signal }));
  useEffect(() => onChanged(["clusters"], reload), []);
  return useMemo(() => (data ? new Set(data.clusters.filter((one) => one.named).map((one) => one.label)) : NONE), [data]);
}
