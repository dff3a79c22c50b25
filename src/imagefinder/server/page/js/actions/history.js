// Who did what when, and the way back: `openHistory()`.
import { html, useEffect, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { openDialog } from "../components/dialog.js";
import { ErrorBox } from "../components/empty.js";
import { Icon } from "../components/icon.js";
import { toastError } from "../components/toast.js";
import { onChanged } from "../events.js";
import { dateTime, fileName } from "../format.js";
import { useIndex } from "../library_info.js";
import { texts } from "../texts.js";
import { undo } from "./undo.js";

const PAGE = 50;
const words = texts.actions;

export const openHistory = () => openDialog(words.history, () => html`<${History} />`, { wide: true });

function History() {
  const { info } = useIndex();
  const [k, setK] = useState(PAGE);
  const [busy, setBusy] = useState("");
  const { data, error, reload } = useRequest(`history ${k}`, (signal) => api.get("/history", { k }, { signal }));
  useEffect(() => onChanged(["images", "duplicates", "clusters"], reload), []);
  const takeBack = async (event) => {
    setBusy(event.id);
    await undo([event.id]).catch(toastError);
    setBusy("");
    reload();
  };
  if (error) return html`<${ErrorBox} error=${error} retry=${reload} />`;
  const events = data?.events ?? [];
  return html`<ol class="history" data-testid="history">
      ${events.map((event, i) => html`<li key=${`${event.time} ${i}`} class=${event.undoable || !event.id ? "" : "past"}>
        <div class="grow"><p>${words.event({ what: "", ...event })}</p>
          <p class="muted small-text ellipsis">${dateTime(event.time)} ${words.by(event.by)}${event.names.length ? html` · <span title=${event.names.join("\n")}>${event.names.slice(0, 3).map(fileName).join(", ")}${event.count > 3 ? " …" : ""}</span>` : ""}</p></div>
        ${event.undoable && !info?.read_only && html`<button type="button" class="button small" disabled=${busy !== ""} aria-label=${`${words.undo}: ${words.event({ what: "", ...event })}`} onClick=${() => takeBack(event)}><${Icon} name="undo" />${words.undo}</button>`}
      </li>`)}
    </ol>
    ${data && !events.length && html`<p class="muted">${words.historyEmpty}</p>`}
    ${events.length === k && k < 1000 && html`<button type="button" class="button small quiet" onClick=${() => setK(Math.min(1000, 2 * k))}>${words.historyMore}</button>`}`;
}
