// The ways to add images: a folder, files, addresses, a table.
import { html, useId, useRef, useState } from "../../vendor/preact.js";
import { openDialog } from "../components/dialog.js";
import { Icon } from "../components/icon.js";
import { toast } from "../components/toast.js";
import { texts } from "../texts.js";
import { addFiles, addTable, indexSources, readUrls } from "./adding.js";
import { pickFolder } from "./folder_picker.js";
import { SkippedList } from "./skipped.js";

/** @param {{info: object}} props */
export function AddImages({ info }) {
  return html`<div class="ways">
    <${AddFolder} allowed=${info.may_add_folders} />
    <${AddFiles} />
    <${AddTable} />
    <${AddUrls} />
  </div>`;
}

const Way = ({ icon, title, text, wide, children }) => html`<section class="way ${wide ? "wide" : ""}">
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
  const text = allowed ? texts.library.folderText : texts.library.noFolders;
  return html`<${Way} icon="folder" title=${texts.library.folder} text=${text}>
    ${allowed && html`<button class="button primary" disabled=${busy} onClick=${pick} data-testid="add-folder">${texts.library.chooseFolder}</button>`}
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
    const why = { label: texts.library.why, run: () => openDialog(texts.library.leftOut, () => html`<${SkippedList} rows=${skipped} />`) };
    if (skipped.length) toast(texts.library.addedSome(added, skipped.length), { action: why, kind: "error" });
    else if (added) toast(texts.library.added(added), { action: { label: texts.library.show, href: "/" } });
  };
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files);
  };
  const drag = (event) => (event.preventDefault(), setOver(true));
  return html`<div data-drop class="way drop-here ${over ? "over" : ""}" onDragOver=${drag} onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <h3><${Icon} name="image" />${texts.library.files}</h3>
    <p class="muted small-text">${texts.library.filesText}</p>
    <button class="button" disabled=${busy} onClick=${() => picker.current.click()} data-testid="add-files">${busy ? texts.library.filesDone(state.done, state.total) : texts.library.pickFiles}</button>
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
  return html`<${Way} wide icon="link" title=${texts.library.links} text=${texts.library.linksText}>
    <form class="stack tight" onSubmit=${submit}>
      <label class="visually-hidden" for=${id}>${texts.library.linksLabel}</label>
      <textarea id=${id} class="input" rows="3" placeholder=${texts.library.linksHint} spellcheck=${false} value=${text} onInput=${(e) => setText(e.target.value)}></textarea>
      ${wrong.length > 0 && html`<p class="error-text">${texts.library.noLink(wrong[0], wrong.length - 1)}</p>`}
      <button class="button" disabled=${!urls.length}>${texts.library.addLinks(urls.length)}</button>
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
  return html`<${Way} icon="table" title=${texts.library.table} text=${texts.library.tableText}>
    <button class="button" disabled=${busy} onClick=${() => picker.current.click()}>${busy ? texts.library.sending : texts.library.pickTable}</button>
    <input ref=${picker} type="file" accept=".csv,.tsv,.parquet,text/csv" hidden data-testid="table" onChange=${(e) => (take(e.target.files[0]), (e.target.value = ""))} />
  <//>`;
}
