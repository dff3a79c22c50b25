// What stands where a map has yet to be made.
import { html } from "../../vendor/preact.js";
import { Empty } from "../components/empty.js";
import { Progress } from "../components/progress.js";
import { isRunning, startJob, useJobs } from "../jobs.js";
import { useIndex } from "../library_info.js";
import { own, table } from "../table.js";

export const METHODS = table({
  tsne: ["t-SNE", "What is alike lies side by side; the best for finding your way."],
  umap: ["UMAP", "A looser map with clearer gaps between groups."],
  pacmap: ["PaCMAP", "How large groups lie to each other."],
  pca: ["PCA", "Made in a moment; directions mean something, but less of the likeness is kept."],
});
export const methodName = (method) => METHODS[method]?.[0] ?? method;

/** The job that is making a map by this method, if one is. */
export const useMaking = (method) =>
  useJobs().find((job) => job.kind === "map" && isRunning(job) && (job.options?.method ?? "tsne") === method);

export function Making({ method }) {
  const { info } = useIndex();
  const job = useMaking(method);
  const command = own(info?.not_installed, method);
  const title = job ? `Making the ${methodName(method)} map` : `There is no ${methodName(method)} map yet`;
  return html`<${Empty} icon="map" title=${title} text=${METHODS[method]?.[1]}>
    ${job && html`<${Progress} job=${job} />`}
    ${command && html`<p class="muted small-text" data-testid="not-installed">It is not installed here; to have it: <code>${command}</code></p>`}
    ${!job &&
      !command &&
      html`<button class="button primary" data-testid="make-map" disabled=${!info || info.read_only || info.images === 0}
          onClick=${() => startJob("map", { method })}>Make it</button>`}
    ${info?.images === 0 && html`<p class="muted small-text">There are no images yet.</p><a class="button" href="/library">Add images first</a>`}
    ${info?.read_only && !command && html`<p class="muted small-text">This library is read-only here: use the command line, imagefinder map --method ${method}</p>`}
  <//>`;
}
