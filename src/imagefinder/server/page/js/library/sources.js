// Where the images came from.
import { html, useEffect, useState } from "../../vendor/preact.js";
import { api, isAbort } from "../api.js";
import { Icon } from "../components/icon.js";
import { toastError } from "../components/toast.js";
import { count, dateTime } from "../format.js";
import { isRunning, startJob, useJobs } from "../jobs.js";
import { withParams } from "../state.js";
import { sourceName } from "./names.js";

const FEW = 12; // counted and shown at first
const filterOf = (uri) => `source = "${uri.replace(/["\\]/g, "\\$&")}"`;

export function Sources({ info }) {
  const [all, setAll] = useState(false);
  const shown = info.sources.slice(0, all ? info.sources.length : FEW);
  const counts = useCounts(shown, info.images);
  const busy = useJobs().some((job) => job.kind === "index" && isRunning(job));
  const again = (sources) => startJob("index", sources ? { sources } : {});
  return html`<section class="stack tight">
    <div class="spread"><h2>Sources</h2>
      ${!info.read_only && info.sources.length > 0 && html`<button class="button small" disabled=${busy} title=${busy ? "It is being done." : undefined} onClick=${() => again(null)} data-testid="reindex"><${Icon} name="refresh" />Look for changes</button>`}
    </div>
    ${!info.sources.length && html`<p class="muted">None yet. Add some images below.</p>`}
    <ul class="source-list">
      ${shown.map(
        ({ uri, kind, last_indexed: at }) => html`<li key=${uri}>
          <${Icon} name=${{ folder: "folder", table: "table" }[kind] ?? (/^https?:/.test(uri) ? "link" : "image")} />
          <div class="grow">
            <a class="ellipsis mono" href=${withParams({ filter: filterOf(uri) }, { path: "/", from: "" })} title=${uri}>${sourceName(uri)}</a>
            <div class="muted small-text">${counts[uri] !== undefined ? `${count(counts[uri], "image")}, ` : ""}${at ? `indexed ${dateTime(at)}` : "not indexed to the end yet"}</div>
          </div>
          ${!info.read_only && html`<button class="icon-button" disabled=${busy} aria-label=${`Look for changes in ${sourceName(uri)}`} title="Look for changes" onClick=${() => again([uri])}><${Icon} name="refresh" /></button>`}
        </li>`,
      )}
    </ul>
    ${!all && info.sources.length > FEW && html`<button class="button small quiet" onClick=${() => setAll(true)}>Show all ${count(info.sources.length, "source")}</button>`}
  </section>`;
}

/** How many images each source has, asked one after the other. */
function useCounts(sources, images) {
  const [counts, setCounts] = useState({});
  useEffect(() => {
    const controller = new AbortController();
    const ask = async () => {
      for (const { uri } of sources) {
        const { total } = await api.get("/images", { filter: filterOf(uri), k: 1 }, { signal: controller.signal });
        setCounts((known) => ({ ...known, [uri]: total }));
      }
    };
    ask().catch((error) => isAbort(error) || toastError(error));
    return () => controller.abort();
  }, [images, sources.map((one) => one.uri).join("\n")]);
  return counts;
}
