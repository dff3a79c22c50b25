// What work of each kind is called, and what it is doing now; where the page has no words of its own, the server's.
import { table } from "./table.js";
import { texts } from "./texts.js";

const NAMES = table(texts.library.jobNames);
const STAGES = table(texts.library.stages);

export const jobName = (job) => NAMES[job.kind] ?? (job.title || job.kind);
export const stageName = (job) => STAGES[job.stage] ?? job.stage;
