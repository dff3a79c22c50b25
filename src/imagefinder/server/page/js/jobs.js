// Work on the server: `startJob("cluster", {n_clusters: 10})`, `useJobs()` (newest first), `latestJob(jobs, "cluster")`.
import { api, locked } from "./api.js";
import { toast, toastError } from "./components/toast.js";
import { onEvent } from "./events.js";
import { jobName } from "./job_names.js";
import { store, useStore } from "./store.js";
import { texts } from "./texts.js";

export const jobs = store([]);
export const useJobs = () => useStore(jobs);

export const isRunning = (job) => job.state === "queued" || job.state === "running";
export const latestJob = (all, kind) => all.find((job) => job.kind === kind);

const MOST = 200; // as many as the server keeps

const awaited = new Map(); // how often this page waits for the end of work of a kind: whoever waits says what came of it
const told = new Set(); // ids of the ended jobs that this page has spoken of, or that had ended before it was there
let listed = false;

const progress = (job) => ["queued", "running"].indexOf(job.state) + 1 || 3;
const newestFirst = (a, b) => (a.created === b.created ? 0 : a.created < b.created ? 1 : -1);

/** What is heard of a job, in whatever order: an answer that comes late never takes it back. */
function take(job) {
  jobs.set((all) => {
    const former = all.find((one) => one.id === job.id);
    if (former && progress(former) > progress(job)) return all;
    return former ? all.map((one) => (one.id === job.id ? job : one)) : [job, ...all].sort(newestFirst);
  });
  if (isRunning(job) || told.has(job.id)) return;
  told.add(job.id);
  if (!awaited.get(job.kind)) ended(job);
}

function ended(job) {
  if (job.state === "failed") toastError(job.error ?? { message: texts.library.jobFailed(jobName(job)) });
  if (job.state !== "done") return;
  const run = () => import("./library/job_details.js").then((module) => module.showJob(job));
  toast(texts.library.jobDone(jobName(job), job.skipped), { action: { label: texts.library.details, run } });
}

const load = () => api.get("/jobs", { k: MOST }).then(takeAll).catch(() => {}); // the view's own calls say what is wrong

function takeAll({ jobs: answered }) {
  if (!listed) for (const job of answered) isRunning(job) || told.add(job.id);
  listed = true;
  for (const job of [...answered].reverse()) take(job); // the newest last, as they were heard of
}

export function watchJobs() {
  load();
  onEvent("job", take);
  onEvent("connected", load);
  locked.watch((is) => is || load());
}

/** Starts work and gives its job; a refusal is shown and gives null. */
export async function startJob(kind, options = {}) {
  try {
    const job = await api.post("/jobs", { kind, options });
    take(job);
    return job;
  } catch (error) {
    toastError(error);
    return null;
  }
}

/** Does work and waits for its end: gives the job, or throws what it failed of; null where somebody stopped it. */
export async function runJob(kind, options = {}) {
  awaited.set(kind, (awaited.get(kind) ?? 0) + 1);
  try {
    const { id } = await api.post("/jobs", { kind, options }).then((job) => (take(job), job));
    const job = await endOf(id);
    if (job.state === "failed") throw Object.assign(new Error(job.error?.message ?? texts.library.jobFailed(jobName(job))), job.error);
    return job.state === "done" ? job : null;
  } finally {
    awaited.set(kind, awaited.get(kind) - 1);
  }
}

/** The job once it has ended; heard of as all jobs are. */
const endOf = (id) =>
  new Promise((resolve) => {
    const look = (all) => {
      const job = all.find((one) => one.id === id);
      if (job && !isRunning(job)) (stop(), resolve(job));
    };
    const stop = jobs.watch(look);
    look(jobs.get());
  });

export async function cancelJob(job) {
  try {
    await api.delete(`/jobs/${job.id}`);
  } catch (error) {
    toastError(error);
  }
}
