// Takes new images in: what each way of adding does.
import { api } from "../api.js";
import { toast, toastError } from "../components/toast.js";
import { jobName } from "../job_names.js";
import { startJob } from "../jobs.js";
import { texts } from "../texts.js";

const BATCH = 12; // files in one request, so that progress shows and one request stays small

/** Folders, tables, addresses: a job. The first time the images are grouped as well. */
export const indexSources = (sources, options = {}) => startJob("index", { sources, cluster: true, ...options });

export async function addTable(file) {
  try {
    const { source } = await api.upload("/tables", { file });
    return await indexSources([source]);
  } catch (error) {
    toastError(error);
    return null;
  }
}

/**
 * @param {File[]} files @param {(done: number) => void} onStep
 * @returns {Promise<{added: number, skipped: object[]}>} `skipped` as a job lists what it left out
 */
export async function addFiles(files, onStep) {
  let added = 0;
  const skipped = [];
  for (let i = 0; i < files.length; i += BATCH) {
    onStep(i);
    const batch = files.slice(i, i + BATCH);
    try {
      const answer = await api.upload("/images", { files: batch });
      if ("job" in answer) {
        toast(answer.job ? texts.library.addedAfter(jobName(answer.job)) : texts.library.addedSoon);
        continue;
      }
      added += answer.images.length;
      skipped.push(...answer.skipped);
    } catch (error) {
      skipped.push(...batch.map((file) => ({ uri: file.name, code: error.code, reason: error.message, remedy: error.remedy })));
      if (["unauthorized", "forbidden", "read-only", "no-connection"].includes(error.code)) break;
    }
  }
  onStep(files.length);
  return { added, skipped };
}

/** Lines of text as addresses: `{urls, wrong}`. */
export function readUrls(text) {
  const lines = text.split(/\s+/).filter(Boolean);
  const urls = lines.filter((line) => /^(https?|s3|gs|az|hf):\/\/.+/i.test(line));
  return { urls, wrong: lines.filter((line) => !urls.includes(line)) };
}
