// Work that has failed and was not looked at since: in sight until somebody has seen it.
import { useJobs } from "../jobs.js";
import { keptStore, useStore } from "../store.js";

const MOST = 200; // as many as the server keeps
const seen = keptStore("seen-failures", []);

/** @returns {object[]} the jobs that failed, less those that were dismissed */
export function useFailed() {
  const known = new Set(useStore(seen));
  return useJobs().filter((job) => job.state === "failed" && !known.has(job.id));
}

export const dismiss = (job) => seen.set((all) => [...all.filter((id) => id !== job.id), job.id].slice(-MOST));
