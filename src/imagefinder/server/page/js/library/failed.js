// Work that has failed and was not looked at since: in sight until somebody has seen it.
import { useJobs } from "../jobs.js";
import { keptStore, useStore } from "../store.js";

const MOST = 200; // as many as the server keeps
const seen = keptStore("seen-failures", []);

/** @returns {object[]} the jobs that failed, less those that were dismissed and those whose like has gone well since */
export function useFailed() {
  const known = new Set(useStore(seen));
  const jobs = useJobs(); // the newest first
  const mended = (job, i) => jobs.slice(0, i).some((later) => later.kind === job.kind && later.state === "done");
  return jobs.filter((job, i) => job.state === "failed" && !known.has(job.id) && !mended(job, i));
}

export const dismiss = (job) => seen.set((all) => [...all.filter((id) => id !== job.id), job.id].slice(-MOST));
