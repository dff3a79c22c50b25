// The ways to add images: a folder, files, addresses, a table.
import { html, useId, useRef, useState } from "../../vendor/preact.js";
import { openDialog } from "../components/dialog.js";
import { Icon } from "../components/icon.js";
import { toast } from "../components/toast.js";
import { count, number } from "../format.js";
import { addFiles, addTable, indexSources, readUrls } from "./adding.js";
import { pickFolder } from "./folder_picker.js";
import { SkippedList } from "./skipped.js";

const NO_FOLDERS = "Folders of the server's machine can't be added from here. Whoever runs it can start it with --allow-folder DIR, or index them on the command line.";

/** @param {{info: object}} props */
export function AddImages({ info }) {
  return html`<div class="ways two">
    <${AddFolder} allowed=${info.may_add_folders} />
    <${AddFiles} />
    <${AddUrls} />
    <${AddTable} />
  </div>`;
}

const Way = ({ icon, title, text, children }) => html`<section class="way">
  <h3><${Icon} name=${icon} />${title}</h3><p class="muted small-text">${text}</p>${children}
</section>`;

function AddFolder({ allowed }) {
  const [busy, setBusy] = useState(false);
  const pick = async () => {
    const path = await pickFolder();
    if (!path) return;
    setBusy(true);
    await indexSources([path]);
    setBusy(false);
  };
  const text = allowed ? "With all folders in it. The pictures stay where they are." : NO_FOLDERS;
  return html`<${Way} icon="folder" title="A folder" text=${text}>
    ${allowed && html`<button class="button primary" disabled=${busy} onClick=${pick} data-testid="add-folder">Choose a folder…</button>`}
  <//>`;
}

function AddFiles() {
  const [state, setState] = useState({ done: 0, total: 0 });
  const [over, setOver] = useState(false);
  const picker = useRef(null);
  const busy = state.done < state.total;
  const take = async (files) => {
    if (!files.length || busy) return;
    const total = files.length;
    const { added, skipped } = await addFiles([...files], (done) => setState({ done, total }));
    const why = { label: "Why?", run: () => openDialog("Left out", () => html`<${SkippedList} rows=${skipped} />`) };
    if (skipped.length) toast(`${count(added, "image")} added, ${number(skipped.length)} left out`, { action: why, kind: "error" });
    else if (added) toast(`${count(added, "image")} added`, { action: { label: "Show", href: "/" } });
  };
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files);
  };
  const drag = (event) => (event.preventDefault(), setOver(true));
  return html`<div data-drop class="way drop-here ${over ? "over" : ""}" onDragOver=${drag} onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <h3><${Icon} name="image" />Picture files</h3>
    <p class="muted small-text">Drop them here or pick them; the server keeps a copy of each.</p>
    <button class="button" disabled=${busy} onClick=${() => picker.current.click()} data-testid="add-files">${busy ? `${number(state.done)} of ${number(state.total)} …` : "Pick files…"}</button>
    <input ref=${picker} type="file" multiple accept="image/*,.heic,.heif" hidden data-testid="files" onChange=${(e) => (take([...e.target.files]), (e.target.value = ""))} />
  </div>`;
}

function AddUrls() {
  const [text, setText] = useState("");
  const id = useId();
  const { urls, wrong } = readUrls(text);
  const submit = async (event) => {
    event.preventDefault();
    if (urls.length && (await indexSources(urls))) setText(wrong.join("\n"));
  };
  return html`<${Way} icon="link" title="Addresses" text="Of pictures or pages of links on the web, of folders in a bucket (s3://, gs://, az://) or in a data set (hf://datasets/…), one on each line.">
    <form class="stack tight" onSubmit=${submit}>
      <label class="visually-hidden" for=${id}>Addresses of pictures</label>
      <textarea id=${id} class="input" rows="3" placeholder="https://… or s3://…" spellcheck=${false} value=${text} onInput=${(e) => setText(e.target.value)}></textarea>
      ${wrong.length > 0 && html`<p class="error-text">Not an address: ${wrong[0]}${wrong.length > 1 ? ` and ${wrong.length - 1} more` : ""}. Each begins with https:// or the like</p>`}
      <button class="button" disabled=${!urls.length}>${urls.length ? `Add ${count(urls.length, "picture")}` : "Add"}</button>
    </form>
  <//>`;
}

function AddTable() {
  const [busy, setBusy] = useState(false);
  const picker = useRef(null);
  const take = async (file) => {
    if (!file) return;
    setBusy(true);
    await addTable(file);
    setBusy(false);
  };
  return html`<${Way} icon="table" title="A table" text="CSV or Parquet with a column of addresses or paths. Its other columns can be filtered by.">
    <button class="button" disabled=${busy} onClick=${() => picker.current.click()}>${busy ? "Sending …" : "Pick a table…"}</button>
    <input ref=${picker} type="file" accept=".csv,.tsv,.parquet,text/csv" hidden data-testid="table" onChange=${(e) => (take(e.target.files[0]), (e.target.value = ""))} />
  <//>`;
}
