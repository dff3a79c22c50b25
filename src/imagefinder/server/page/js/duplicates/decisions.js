// The decisions of all time, each to be taken back.
import { html, useRef, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { openDialog } from "../components/dialog.js";
import { ErrorBox } from "../components/empty.js";
import { toastError } from "../components/toast.js";
import { count, date, fileName } from "../format.js";
import { table } from "../table.js";

const WORDS = table({ "keep-both": "Both kept", "not-duplicate": "Not duplicates" });

export const showDecisions = (why) => openDialog("Decisions", () => html`<${Decisions} why=${why} />`, { wide: true });

function Decisions({ why }) {
  const { data, error, reload } = useRequest("decisions", (signal) => api.get("/duplicates/decisions", {}, { signal }));
  const [gone, setGone] = useState([]);
  const place = useRef(null);
  if (error) return html`<${ErrorBox} error=${error} retry=${reload} />`;
  if (!data) return html`<p class="muted">Loading…</p>`;
  const keyOf = (pair) => `${pair.a} ${pair.b}`;
  const pairs = data.pairs.filter((pair) => !gone.includes(keyOf(pair))).sort((x, y) => y.when.localeCompare(x.when));
  const forget = async (pair) => {
    try {
      await api.delete("/duplicates/decisions", { ids: [pair.a, pair.b] });
      setGone((all) => [...all, keyOf(pair)]);
      place.current.focus(); // the button has gone
    } catch (cause) {
      toastError(cause);
    }
  };
  if (!pairs.length) return html`<p ref=${place} tabindex="-1" class="muted" role="status">Nothing is decided. Pairs that you keep, or say are no duplicates, are listed here.</p>`;
  return html`<p ref=${place} tabindex="-1" class="muted small-text" role="status">${count(pairs.length, "pair")} that ${pairs.length === 1 ? "is" : "are"} not named again. Taken back, they show up in the next search at the latest.</p>
    <ul class="file-list" tabindex="0" aria-label="Decisions">${pairs.map(
      (pair) => html`<li key=${keyOf(pair)}>
        <span class="grow"><span class="ellipsis file-name" title=${pair.names.join("\n")}>${pair.names.map(fileName).join(" and ")}</span>
          <span class="muted small-text">${WORDS[pair.decision]} · ${date(pair.when)}</span></span>
        ${!why && html`<button class="button small" onClick=${() => forget(pair)} aria-label=${`Take back: ${pair.names.map(fileName).join(" and ")}`}>Take back</button>`}
      </li>`,
    )}</ul>`;
}
