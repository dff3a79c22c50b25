// The picture under the pointer and what is known of it.
import { html, useLayoutEffect, useRef } from "../../vendor/preact.js";
import { api, thumbnail, useRequest } from "../api.js";
import { date, fileName } from "../format.js";
import { bytes, clusterName } from "../units.js";

const SIDE = 200;
const OFF = 18; // from the pointer, CSS pixels

/** @param {{id: string, at: number[], room: {width: number, height: number}}} props */
export function HoverCard({ id, at, room }) {
  const { data } = useRequest(id, (signal) => api.get(`/images/${id}`, null, { signal }));
  const card = useRef(null);
  const image = data?.id === id ? data : null;
  useLayoutEffect(() => {
    const { offsetWidth: width, offsetHeight: height } = card.current;
    const left = at[0] + OFF + width > room.width ? at[0] - OFF - width : at[0] + OFF;
    const top = Math.min(at[1] + OFF, room.height - height - 8);
    card.current.style.transform = `translate(${Math.max(8, left)}px, ${Math.max(8, top)}px)`;
  });
  return html`<div ref=${card} class="map-card" data-testid="hover-card" data-id=${id} aria-hidden="true">
    <img key=${id} src=${thumbnail({ id }, SIDE)} alt="" />
    <div class="map-card-facts">
      <b class="ellipsis">${image ? fileName(image.uri) : "…"}</b>
      <span class="muted small-text">${image && facts(image)}</span>
    </div>
  </div>`;
}

const facts = (image) =>
  [
    clusterName(image),
    image.width && `${image.width} × ${image.height}`,
    image.bytes && bytes(image.bytes),
    image.taken_at && date(image.taken_at),
  ].filter(Boolean).join(" · ");
