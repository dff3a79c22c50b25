// What is known of the image, and what can be done with it.
import { html } from "../../vendor/preact.js";
import { api, originalHref, placeHref, useRequest } from "../api.js";
import { Chip } from "../components/chips.js";
import { ask } from "../components/dialog.js";
import { Icon } from "../components/icon.js";
import { Thumb } from "../components/thumb.js";
import { toast, toastError } from "../components/toast.js";
import { bytes, clusterName, dateTime, fileName, placeName } from "../format.js";
import { issueName } from "../search/facets.js";
import { similarHref } from "../searching.js";
import { imageHref, withParams } from "../state.js";
import { OtherFields } from "./fields.js";
import { Tags } from "./tags.js";
import { TextRead } from "./text.js";

const quoted = (text) => `"${String(text).replace(/["\\]/g, "\\$&")}"`;
const filterHref = (filter) => withParams({ filter }, { path: "/", from: "" });

/** @param {{image: object, readOnly: boolean, onChange: (image: object) => void, onBox: () => void, onRemove: () => void, found: Set<number>, words: boolean, onWords: () => void}} props */
export function Panel({ image, readOnly, onChange, onBox, onRemove, found, words, onWords }) {
  const change = (changes) => api.patch(`/images/${image.id}`, changes).then(onChange).catch(toastError);
  return html`<aside class="viewer-panel" aria-label="About this image">
    <div class="row wrap">
      <a class="button small primary" href=${similarHref(image.id)} data-testid="similar"><${Icon} name="similar" />Similar images</a>
      <button class="button small" onClick=${onBox} data-testid="box"><${Icon} name="box" />Search by a part</button>
      <a class="button small" href=${placeName(image) ? placeHref(image) : originalHref(image)} target="_blank" rel="noopener" data-testid="original"><${Icon} name="open" />${image.format === "PDF" ? "Open the PDF" : image.format === "VIDEO" ? "Open the video" : "Original"}</a>
    </div>
    <${Caption} image=${image} readOnly=${readOnly} onSave=${(caption) => change({ caption })} />
    <${Tags} image=${image} readOnly=${readOnly} onSave=${(tags) => change({ tags })} />
    <${TextRead} image=${image} found=${found} shown=${words} onShow=${onWords} />
    <${Facts} image=${image} />
    <${Similar} image=${image} />
    <${OtherFields} image=${image} />
    ${!readOnly && html`<button class="button small quiet remove" onClick=${onRemove} data-testid="remove-image"><${Icon} name="trash" />Remove from the index</button>`}
  </aside>`;
}

function Caption({ image, readOnly, onSave }) {
  const edit = async () => {
    const text = await ask({ title: "Caption", label: "What the picture shows", value: image.caption ?? "" });
    if (text !== null && text !== (image.caption ?? "")) onSave(text || null);
  };
  if (!image.caption && readOnly) return null;
  return html`<section class="caption">
    ${image.caption && html`<p>${image.caption}</p>`}
    ${!readOnly && html`<button class="button small quiet" onClick=${edit}><${Icon} name="edit" />${image.caption ? "Edit the caption" : "Add a caption"}</button>`}
  </section>`;
}

const isPlace = ({ lat, lon }) => Number.isFinite(lat) && Number.isFinite(lon);
const degrees = (value, positive, negative) => `${Math.abs(value).toFixed(4)}° ${value < 0 ? negative : positive}`;

function Facts({ image }) {
  const group = clusterName(image);
  const copy = () =>
    navigator.clipboard.writeText(image.uri).then(() => toast("Copied"), () => toast("The browser didn't allow copying.", { kind: "error", remedy: "Select the path and copy it by hand." }));
  const isUrl = /^[a-z\d]+:\/\//.test(image.uri);
  const row = (name, value) => value && html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
  return html`<section><h2 class="visually-hidden">Facts</h2><dl class="facts-list">
    ${row("Group", group && html`<a href=${`/groups/${image.cluster}`}>${group}</a>`)}
    ${row("Part", placeName(image) && html`<span class="number">${placeName(image)}</span>
      <a href=${filterHref(`parent = ${quoted(image.parent)}`)} data-testid="all-parts">all ${image.parts} of this file</a>`)}
    ${row("Size", image.width > 0 && html`<span class="number">${image.width} × ${image.height} px</span>`)}
    ${row("File", `${[image.format, image.bytes > 0 && bytes(image.bytes)].filter(Boolean).join(", ")}`)}
    ${row("Taken", image.taken_at && dateTime(image.taken_at))}
    ${row("File date", image.mtime > "1980-01-02" && dateTime(image.mtime))}
    ${row("Folder", image.folder && html`<a href=${filterHref(`folder = ${quoted(image.folder)}`)}>${image.folder}</a>`)}
    ${row("Camera", image.camera && html`<a href=${filterHref(`camera = ${quoted(image.camera)}`)}>${image.camera}</a>`)}
    ${row("Lens", image.lens && html`<a href=${filterHref(`lens = ${quoted(image.lens)}`)}>${image.lens}</a>`)}
    ${row("Place", isPlace(image) && html`<span class="number">${degrees(image.lat, "N", "S")}, ${degrees(image.lon, "E", "W")}</span>${" "}
      <a href=${filterHref(`near(${image.lat.toFixed(5)}, ${image.lon.toFixed(5)}, 10)`)} class="nowrap" data-testid="near">Within 10 km</a>`)}
    ${row("Colours", image.colours?.length > 0 && html`<span class="row wrap tight-row">${image.colours.map(
      (name) => html`<a key=${name} class="colour-link" href=${filterHref(`colours = ${name}`)}><span class="swatch" data-colour=${name}></span>${name}</a>`,
    )}</span>`)}
    ${row("Quality", image.issues?.length > 0 && html`<span class="row wrap tight-row">${image.issues.map((issue) => html`<${Chip} key=${issue} kind="bad">${issueName(issue)}<//>`)}</span>`)}
    ${row(isUrl ? "Address" : "Path", html`<span class="path"><span class="mono">${image.uri}</span>
      <button class="icon-button" aria-label=${isUrl ? "Copy the address" : "Copy the path"} title="Copy" onClick=${copy}><${Icon} name="copy" /></button></span>`)}
  </dl></section>`;
}

function Similar({ image }) {
  const body = { parts: [{ id: image.id }], k: 12 };
  const { data, error } = useRequest(`similar ${image.id}`, (signal) => api.post("/search", body, { signal }));
  if (error || (data && !data.hits.length)) return null; // an index of one image; the button above says the rest
  return html`<section aria-label="Similar images"><h2>Similar</h2>
    <ul class="similar-strip">${(data?.hits ?? []).map(
      (hit) => html`<li key=${hit.id}><a href=${imageHref(hit.id)} aria-label=${`Similar: ${hit.caption || fileName(hit.uri)}`} title=${fileName(hit.uri)}><${Thumb} image=${hit} size=${100} /></a></li>`,
    )}</ul>
  </section>`;
}
