// What is known of the image, and what can be done with it.
import { html } from "../../vendor/preact.js";
import { api, originalHref, placeHref, useRequest } from "../api.js";
import { Chip } from "../components/chips.js";
import { ask } from "../components/dialog.js";
import { Icon } from "../components/icon.js";
import { Thumb } from "../components/thumb.js";
import { toast, toastError } from "../components/toast.js";
import { dateTime, fileName, percent } from "../format.js";
import { COMMA } from "../language.js";
import { issueName } from "../search/facets.js";
import { similarHref } from "../searching.js";
import { imageHref, withParams } from "../state.js";
import { texts } from "../texts.js";
import { bytes, clusterName, placeName } from "../units.js";
import { OtherFields } from "./fields.js";
import { exposureWords } from "./shot.js";
import { Tags } from "./tags.js";
import { TextRead } from "./text.js";
import { WorldMap } from "./world.js";

const said = texts.viewer;

const quoted = (text) => `"${String(text).replace(/["\\]/g, "\\$&")}"`;
const filterHref = (filter) => withParams({ filter }, { path: "/", from: "" });

/** @param {{image: object, hit?: object, shot: object | null, readOnly: boolean, onChange: (image: object) => void, onBox: () => void, onRemove: () => void, found: Set<number>, words: boolean, onWords: () => void}} props */
export function Panel({ image, hit, shot, readOnly, onChange, onBox, onRemove, found, words, onWords }) {
  const change = (changes) => api.patch(`/images/${image.id}`, changes).then(onChange).catch(toastError);
  return html`<aside class="viewer-panel" aria-label=${said.about}>
    <div class="panel-actions">
      <a class="button small" href=${similarHref(image.id)} data-testid="similar"><${Icon} name="similar" />${said.similarTo}</a>
      <button class="button small" onClick=${onBox} data-testid="box"><${Icon} name="box" />${said.byPart}</button>
      ${shot?.there !== false && html`<a class="button small" href=${placeName(image) ? placeHref(image) : originalHref(image)} target="_blank" rel="noopener" data-testid="original"><${Icon} name="open" />${image.format === "PDF" ? said.openPdf : image.format === "VIDEO" ? said.openVideo : said.original}</a>`}
    </div>
    <${Caption} image=${image} readOnly=${readOnly} onSave=${(caption) => change({ caption })} />
    <${Tags} image=${image} readOnly=${readOnly} onSave=${(tags) => change({ tags })} />
    <${TextRead} image=${image} found=${found} shown=${words} onShow=${onWords} />
    <${Facts} ...${{ image, hit, shot }} />
    <${Similar} image=${image} />
    <${OtherFields} image=${image} />
    ${!readOnly && html`<button class="button small quiet remove" onClick=${onRemove} data-testid="remove-image"><${Icon} name="trash" />${said.remove}</button>`}
  </aside>`;
}

function Caption({ image, readOnly, onSave }) {
  const edit = async () => {
    const text = await ask({ title: said.caption, label: said.whatItShows, value: image.caption ?? "" });
    if (text !== null && text !== (image.caption ?? "")) onSave(text || null);
  };
  if (!image.caption && readOnly) return null;
  return html`<section class="caption">
    ${image.caption && html`<p>${image.caption}</p>`}
    ${!readOnly && html`<button class="button small quiet" onClick=${edit}><${Icon} name="edit" />${image.caption ? said.editCaption : said.addCaption}</button>`}
  </section>`;
}

const isPlace = ({ lat, lon }) => Number.isFinite(lat) && Number.isFinite(lon);
const degrees = (value, positive, negative) => `${Math.abs(value).toFixed(4)}° ${value < 0 ? negative : positive}`;

function Facts({ image, hit, shot }) {
  const group = clusterName(image);
  const copy = () =>
    navigator.clipboard.writeText(image.uri).then(() => toast(said.copied), () => toast(said.noCopy, { kind: "error", remedy: said.copyByHand }));
  const isUrl = /^[a-z\d]+:\/\//.test(image.uri);
  const exposure = shot ? exposureWords(shot) : "";
  const place = isPlace(image) ? `${degrees(image.lat, said.north, said.south)}${COMMA}${degrees(image.lon, said.east, said.west)}` : "";
  const row = (name, value) => value && html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
  return html`<section><h2 class="visually-hidden">${said.facts}</h2><dl class="facts-list">
    ${row(said.fact.fit, typeof hit?.sure === "number" && percent(Math.min(hit.sure, 0.99)))}
    ${row(said.fact.group, group && html`<a href=${`/groups/${image.cluster}`}>${group}</a>`)}
    ${row(said.fact.part, placeName(image) && html`<span class="number">${placeName(image)}</span>
      <a href=${filterHref(`parent = ${quoted(image.parent)}`)} data-testid="all-parts">${said.allParts(image.parts)}</a>`)}
    ${row(said.fact.size, image.width > 0 && html`<span class="number">${said.pixels(image.width, image.height)}</span>`)}
    ${row(said.fact.file, `${[image.format, image.bytes > 0 && bytes(image.bytes)].filter(Boolean).join(COMMA)}`)}
    ${row(said.fact.taken, image.taken_at && dateTime(image.taken_at))}
    ${row(said.fact.fileDate, image.mtime > "1980-01-02" && dateTime(image.mtime))}
    ${row(said.fact.folder, image.folder && html`<a href=${filterHref(`folder = ${quoted(image.folder)}`)}>${image.folder}</a>`)}
    ${row(said.fact.camera, image.camera && html`<a href=${filterHref(`camera = ${quoted(image.camera)}`)}>${image.camera}</a>`)}
    ${row(said.fact.lens, image.lens && html`<a href=${filterHref(`lens = ${quoted(image.lens)}`)}>${image.lens}</a>`)}
    ${row(said.fact.exposure, exposure && html`<span class="number">${exposure}</span>`)}
    ${row(said.fact.place, place && html`<${WorldMap} lat=${image.lat} lon=${image.lon} label=${place} /><span class="number">${place}</span>${" "}
      <a href=${filterHref(`near(${image.lat.toFixed(5)}, ${image.lon.toFixed(5)}, 10)`)} class="nowrap" data-testid="near">${said.within}</a>`)}
    ${row(said.fact.colours, image.colours?.length > 0 && html`<span class="row wrap tight-row">${image.colours.map(
      (name) => html`<a key=${name} class="colour-link" href=${filterHref(`colours = ${name}`)}><span class="swatch" data-colour=${name}></span>${name}</a>`,
    )}</span>`)}
    ${row(said.fact.quality, image.issues?.length > 0 && html`<span class="row wrap tight-row">${image.issues.map((issue) => html`<${Chip} key=${issue} kind="bad">${issueName(issue)}<//>`)}</span>`)}
    ${row(isUrl ? said.fact.address : said.fact.path, html`<span class="path"><span class="mono">${image.uri}</span>
      <button class="icon-button" aria-label=${isUrl ? said.copyAddress : said.copyPath} title=${said.copy} onClick=${copy}><${Icon} name="copy" /></button></span>`)}
  </dl></section>`;
}

function Similar({ image }) {
  const body = { parts: [{ id: image.id }], k: 12 };
  const { data, error } = useRequest(`similar ${image.id}`, (signal) => api.post("/search", body, { signal }));
  if (error || (data && !data.hits.length)) return null; // an index of one image; the button above says the rest
  return html`<section aria-label=${said.similarTo}><h2>${said.similar}</h2>
    <ul class="similar-strip">${(data?.hits ?? []).map(
      (hit) => html`<li key=${hit.id}><a href=${imageHref(hit.id)} aria-label=${said.similarItem(hit.caption || fileName(hit.uri))} title=${fileName(hit.uri)}><${Thumb} image=${hit} size=${100} /></a></li>`,
    )}</ul>
  </section>`;
}
