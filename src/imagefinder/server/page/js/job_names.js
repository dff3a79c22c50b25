// What the work of each kind is called: the server's own title, as its table of jobs has it.
export const jobName = (job) => job.title || job.kind;
