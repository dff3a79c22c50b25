// The decisions of all time, each to be taken back.
import { html, useRef, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { openDialog } from "../components/dialog.js";
import { ErrorBox } from "../components/empty.js";
import { toastError } from "../components/toast.js";
import { date, fileName } from "../format.js";
import { table } from "../table.js";
import { texts } from "../texts.js";

const said = texts.duplicates;
const WORDS = table(said.decided);

export const showDecisions = (why) => openDialog(said.decisions, () => html`<${Decisions} why=${why} />`, { wide: true });

function Decisions({ why }) {
  const { data, error, reload } = useRequest("decisions", (signal) => api.get("/duplicates/decisions", {}, { signal }));
  const [gone, setGone] = useState([]);
  const place = useRef(null);
  if (error) return html`<${ErrorBox} error=${error} retry=${reload} />`;
  if (!data) return html`<p class="muted">${said.loading}</p>`;
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
  if (!pairs.length) return html`<p ref=${place} tabindex="-1" class="muted" role="status">${said.nothingDecided}</p>`;
  return html`<p ref=${place} tabindex="-1" class="muted small-text" role="status">${said.decidedPairs(pairs.length)}</p>
    <ul class="file-list" tabindex="0" aria-label=${said.decisions}>${pairs.map(
      (pair) => html`<li key=${keyOf(pair)}>
        <span class="grow"><span class="ellipsis file-name" title=${pair.names.join("\n")}>${pair.names.map(fileName).join(said.and)}</span>
          <span class="muted small-text">${WORDS[pair.decision]} · ${date(pair.when)}</span></span>
        ${!why && html`<button class="button small" onClick=${() => forget(pair)} aria-label=${said.undoDecision(pair.names.map(fileName).join(said.and))}>${texts.common.undo}</button>`}
      </li>`,
    )}</ul>`;
}
