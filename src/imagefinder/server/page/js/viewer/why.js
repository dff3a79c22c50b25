// Why the image was found: chips of reasons, and which part of its picture fits, laid over it.
import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { Chip } from "../components/chips.js";
import { readSearch, searchBody } from "../searching.js";
import { usePlace } from "../state.js";
import { keptStore } from "../store.js";
import { table } from "../table.js";
import { texts } from "../texts.js";

const told = texts.viewer;

export const explaining = keptStore("explaining", false);

const DARK = 0.72; // of what does not fit
const MOSTLY = 3; // times what the models make of the picture: then texts are why it was found
const LINE = 128; // of 255: the value that is outlined
const SAID = table(told.reasons);

/** What is known of why `id` was found by the search of this place; `asked` is false where nothing is searched for. */
export function useWhy(id, on) {
  const { path, params } = usePlace();
  const search = readSearch(params);
  const asked = path === "/" && Boolean(search.words || search.ids.length || search.upload || search.liked.length);
  const { words, parts, liked, disliked, spaces } = searchBody(search);
  const body = { words, parts, liked, disliked, spaces };
  const key = on && asked ? `why ${id} ${JSON.stringify(body)}` : null;
  const request = useRequest(key, (signal) => api.post(`/images/${id}/explain`, body, { signal }));
  const data = request.current && request.data?.id === id ? request.data : null;
  return { asked, data, error: request.error, loading: request.loading };
}

/** @param {{why: ReturnType<typeof useWhy>}} props */
export function WhyBar({ why: { data, error, loading } }) {
  const reasons = data?.why.reasons ?? [];
  const shares = reasons.filter((reason) => reason.share !== undefined);
  const shown = shares.length > 1 ? reasons : reasons.filter((reason) => reason.share === undefined);
  const text = error ? error.message : data ? partSaid(data) : loading ? told.looking : "";
  return html`<div class="why-bar" role="region" aria-label=${told.why} aria-live="polite" data-testid="why">
    <p class="small-text">${text}</p>
    ${shown.length > 0 && html`<ul class="why-reasons">${shown.map((reason, i) => html`<li key=${i}><${ReasonChip} reason=${reason} /></li>`)}</ul>`}
  </div>`;
}

/** What is to be seen in the picture. Where most of the score is of texts, the picture itself may fit little. */
function partSaid({ map, peak, text_at: words, why }) {
  const shares = why.reasons.filter(({ share }) => share !== undefined);
  const written = shares.reduce((sum, { kind, share }) => sum + (kind === "texts" ? share : 0), 0);
  if (peak && words.length > 0) return told.bothStandOut;
  if (words.length > 0) return told.wordsStandOut;
  if (peak) return written > MOSTLY * why.meaning ? told.mostlyWritten : told.standsOut;
  if (map) return told.noPart;
  if (shares.some(({ kind }) => kind !== "texts")) return told.unreadable;
  return shares.length > 0 ? told.written : told.noWord;
}

function ReasonChip({ reason: { kind, text, share } }) {
  if (share !== undefined) return html`<${Chip}>${text} <span class="number why-share">${share < 0 ? "−" : "+"}${Math.abs(share).toFixed(2)}</span><//>`;
  const said = SAID[kind] ?? kind;
  return html`<${Chip} kind="accent">${said}: ${kind === "colour" && html`<span class="swatch" data-colour=${text}></span> `}<strong>${text}</strong><//>`;
}

/** What does not fit is dark; a line goes around what does. `map` is a grey picture as a data URI. */
export function WhyMap({ map }) {
  const canvas = useRef(null);
  const [line, setLine] = useState(null);
  useEffect(() => {
    const picture = new Image();
    picture.onload = () => canvas.current && setLine(veil(canvas.current, picture));
    picture.src = map;
    return () => (picture.onload = null);
  }, [map]);
  return html`<canvas ref=${canvas} class="why-map" data-testid="why-map"></canvas>
    ${line && html`<svg class="why-map" viewBox=${`0 0 ${line.width} ${line.height}`} preserveAspectRatio="none" aria-hidden="true"><path class="under" d=${line.path} /><path d=${line.path} /></svg>`}`;
}

function veil(canvas, picture) {
  const { width, height } = picture;
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  const pixels = context.getImageData(0, 0, width, height);
  const values = new Uint8Array(width * height);
  for (let i = 0; i < values.length; i++) {
    values[i] = pixels.data[4 * i];
    pixels.data.set([8, 8, 12, Math.round(DARK * (255 - values[i]))], 4 * i);
  }
  context.putImageData(pixels, 0, 0);
  return { width, height, path: outline(values, width, height) };
}

/** Where the values cross `LINE`, as the path of an SVG, square by square (marching squares; Lorensen and Cline 1987). */
function outline(values, width, height) {
  const pieces = [];
  for (let y = 0; y < height - 1; y++) {
    for (let x = 0; x < width - 1; x++) {
      const corners = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]].map(([cx, cy]) => [cx, cy, values[cy * width + cx] - LINE + 0.5]);
      const ends = [];
      corners.forEach(([ax, ay, a], i) => {
        const [bx, by, b] = corners[(i + 1) % 4];
        if (a > 0 !== b > 0) ends.push(`${(ax + ((bx - ax) * a) / (a - b) + 0.5).toFixed(2)} ${(ay + ((by - ay) * a) / (a - b) + 0.5).toFixed(2)}`);
      });
      for (let i = 0; i + 1 < ends.length; i += 2) pieces.push(`M${ends[i]}L${ends[i + 1]}`);
    }
  }
  return pieces.join("");
}
