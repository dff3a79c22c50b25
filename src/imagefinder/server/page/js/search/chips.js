// What the search box holds: a chip for each picture and each part of the words, with how much it counts.
import { html, useEffect, useId, useLayoutEffect, useRef, useState } from "../../vendor/preact.js";
import { thumbnail } from "../api.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { ALONG } from "../language.js";
import { HEAVIEST, pictureParams, wordChips, writePieces } from "../searching.js";
import { navigate, withParams } from "../state.js";
import { texts } from "../texts.js";
import { askForBox } from "../viewer/box_dialog.js";
import { round } from "./pieces.js";

const STEP = 0.1;
const PAUSE_MS = 150; // between two searches while a weight is dragged
const SLACK = 4; // CSS pixels that a press may move and still be one
const WAY = 100; // CSS pixels of a drag that change a weight by 1

const bounded = (weight) => Math.max(-HEAVIEST, Math.min(HEAVIEST, round(Math.round(weight / STEP) * STEP)));

/** All chips of a search: what each shows, and how it is changed and taken away. */
export function chipsOf(search) {
  const pieces = wordChips(search) ?? [];
  const put = (changes, how) => navigate(withParams({ ...changes, sort: null, image: null }), how);
  const pictures = search.pictures.map((picture, i) => ({
    key: `${picture.kind} ${picture.value} ${i}`,
    picture,
    weight: picture.weight,
    change: (now, how) => put(pictureParams(search.pictures.with(i, { ...picture, ...now })), how),
    remove: () => put(pictureParams(search.pictures.toSpliced(i, 1))),
  }));
  const words = pieces.map((piece, i) => ({
    key: `words ${i}`,
    piece,
    weight: piece.weight,
    change: (now, how) => put({ q: writePieces(pieces.with(i, { ...piece, ...now })) }, how),
    rewrite: (text) => put({ q: writePieces(pieces.map((one, j) => (j === i ? { ...one, raw: text } : one)).filter((one) => one.raw)) }),
    remove: () => put({ q: writePieces(pieces.toSpliced(i, 1)) }),
  }));
  return [...pictures, ...words];
}

/** @param {{chips: ReturnType<typeof chipsOf>, onRemoved: () => void}} props */
export function QueryChips({ chips, onRemoved }) {
  const strip = useRef(null);
  useEffect(() => strip.current?.scrollTo({ left: ALONG * strip.current.scrollWidth }), [chips.length]);
  if (!chips.length) return null;
  return html`<ul ref=${strip} class="query-chips" aria-label=${texts.search.parts}>
    ${chips.map((chip) => html`<${QueryChip} key=${chip.key} chip=${chip} onRemoved=${onRemoved} />`)}
  </ul>`;
}

const nameOf = ({ picture, piece }) => (picture ? (picture.box ? texts.search.partOfPicture : texts.search.picture) : piece.raw);

function QueryChip({ chip, onRemoved }) {
  const { picture, piece } = chip;
  const [weight, setWeight] = useLive(chip.weight, (now) => chip.change({ weight: now }, { replace: true }));
  const may = !piece?.field; // what a field must say is there or not
  const scrub = useScrub(weight, setWeight);
  const name = nameOf(chip);
  const remove = () => (chip.remove(), onRemoved());
  const keys = (event) => {
    if (!event.target.closest(".query-chip-face")) return;
    const step = { ArrowUp: STEP, ArrowDown: -STEP }[event.key];
    if (step && may) setWeight(bounded(weight + step));
    else if (event.key === "Backspace" || event.key === "Delete") remove();
    else return;
    event.preventDefault();
  };
  const face = html`${picture && html`<img src=${pictureSource(picture, 128)} alt="" />`}
    ${weight < 0 && html`<span class="query-chip-sign" aria-hidden="true">−</span>`}
    ${piece && html`<span class="ellipsis">${piece.raw}</span>`}
    ${picture?.box && html`<span class="query-chip-note">${texts.search.part}</span>`}
    ${may && html`<span class="query-chip-weight" aria-hidden="true"><span style=${{ width: `${(100 * Math.abs(weight)) / HEAVIEST}%` }} /></span>`}`;
  return html`<li class="query-chip ${weight < 0 ? "less" : ""} ${weight === 0 ? "off" : ""}" data-testid=${picture ? "query-picture" : "query-words"}
    data-weight=${weight} onKeyDown=${keys} ...${may ? scrub : {}}>
    <${Popover} class="query-chip-face" button=${face} label=${may ? texts.search.chip(name, weight) : texts.search.fieldChip(name, weight < 0)}>
      ${(close) => html`<${ChipMenu} ...${{ chip, name, may, weight, setWeight, close }} remove=${() => (close(), remove())} />`}
    <//>
    <button type="button" class="query-chip-remove" aria-label=${picture ? texts.search.removePicture : texts.search.removeWords(name)} onClick=${remove}><${Icon} name="close" /></button>
  </li>`;
}

function ChipMenu({ chip, name, may, weight, setWeight, close, remove }) {
  const id = useId();
  const { picture, piece } = chip;
  const part = async () => {
    close();
    const box = await askForBox(pictureSource(picture, 1024), picture.box);
    if (box) chip.change({ box: box === "all" ? null : box });
  };
  return html`<div class="menu-body stack tight chip-menu">
    ${picture && html`<img class="chip-picture" src=${pictureSource(picture, 512)} alt="" />`}
    ${piece && html`<${ChipWords} id=${`${id}-words`} piece=${piece} onChange=${(text) => (close(), chip.rewrite(text))} />`}
    ${may && html`<div class="field dial">
      <label for=${id} class="spread">${texts.search.weight}<output class="muted number">${texts.search.weightSaid(weight)}</output></label>
      <input id=${id} type="range" min=${-HEAVIEST} max=${HEAVIEST} step=${STEP} value=${weight} aria-valuetext=${texts.search.weightSaid(weight)}
        onInput=${(e) => setWeight(bounded(e.target.valueAsNumber))} />
      <div class="spread muted small-text"><span>${texts.search.less}</span><span>${texts.search.more}</span></div>
    </div>`}
    <div class="row wrap">
      ${picture && html`<button type="button" class="button small" onClick=${part}><${Icon} name="box" />${texts.search.choosePart}</button>`}
      ${!may && html`<button type="button" class="button small" onClick=${() => (close(), chip.change({ weight: -weight }))}>${weight < 0 ? texts.search.mustSay : texts.search.mayNotSay}</button>`}
      <button type="button" class="button small" onClick=${remove}><${Icon} name="close" />${texts.search.removeIt}</button>
    </div>
  </div>`;
}

function ChipWords({ id, piece, onChange }) {
  const [text, setText] = useState(piece.raw);
  const keys = (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // the search box is the form around it
    onChange(text.trim());
  };
  return html`<div class="field"><label for=${id}>${texts.search.words}</label>
    <input id=${id} class="input" value=${text} enterkeyhint="search" autocomplete="off" onInput=${(e) => setText(e.target.value)} onKeyDown=${keys}
      onChange=${() => text.trim() !== piece.raw && onChange(text.trim())} /></div>`;
}

export const pictureSource = ({ kind, value }, size) => (kind === "upload" ? `/v1/uploads/${value}?size=${size}` : thumbnail({ id: value }, size));

/** A value that is shown at once and told on at most every `PAUSE_MS`: browsers refuse an address that changes faster. */
function useLive(value, tell) {
  const [now, setNow] = useState(value);
  const telling = useRef({ timer: 0, last: 0 });
  const latest = useRef(tell);
  latest.current = tell;
  useLayoutEffect(() => {
    if (!telling.current.timer) setNow(value);
  }, [value]);
  useEffect(() => () => clearTimeout(telling.current.timer), []);
  const set = (next) => {
    setNow(next);
    const state = telling.current;
    clearTimeout(state.timer);
    const say = () => (Object.assign(state, { timer: 0, last: performance.now() }), latest.current(next));
    const wait = state.last + PAUSE_MS - performance.now();
    if (wait <= 0) say();
    else state.timer = setTimeout(say, wait);
  };
  return [now, set];
}

/** Dragging to the sides changes a weight; a press that stays where it is opens the chip as ever. */
function useScrub(weight, setWeight) {
  const from = useRef(null);
  const down = (event) => {
    if (event.pointerType === "touch" || event.button !== 0 || !event.target.closest(".query-chip-face")) return;
    from.current = { x: event.clientX, weight, moved: false };
  };
  const move = (event) => {
    const start = from.current;
    if (!start || (!start.moved && Math.abs(event.clientX - start.x) < SLACK)) return;
    if (!start.moved) event.currentTarget.setPointerCapture(event.pointerId); // so that the button gets no click
    start.moved = true;
    setWeight(bounded(start.weight + (ALONG * (event.clientX - start.x)) / WAY));
  };
  const up = () => (from.current = null);
  return { onPointerDown: down, onPointerMove: move, onPointerUp: up, onPointerCancel: up, onDragStart: (event) => event.preventDefault() };
}
