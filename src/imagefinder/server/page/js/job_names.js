// What the work of each kind is called.

export const JOB_NAMES = {
  index: "Indexing",
  cluster: "Grouping",
  "choose-k": "Finding the number of groups",
  map: "Drawing the map",
  duplicates: "Looking for duplicates",
  outliers: "Looking for odd ones out",
  quality: "Measuring quality",
  pca: "Measuring dimensions",
  model: "Adding a model",
  classify: "Telling classes",
};
const LESSONS = { adapter: "Teaching better matches", classifier: "Teaching classes", words: "Teaching words" };
export const jobName = (job) => JOB_NAMES[job.kind] ?? LESSONS[job.options.what] ?? job.kind;
