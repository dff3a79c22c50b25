// How a camera took the picture, and whether its file is still there.
import { html } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { Icon } from "../components/icon.js";
import { isId } from "../state.js";
import { texts } from "../texts.js";

const said = texts.viewer;

/** `{there, why?, shutter?, aperture?, iso?, focal_length?, focal_length_35mm?}`; null until that is known. */
export function useShot(id) {
  const { data, current, reload } = useRequest(isId(id) ? id : null, (signal) => api.get(`/images/${id}/shot`, {}, { signal }).then((shot) => ({ id, ...shot })));
  return { shot: current && data?.id === id ? data : null, reload };
}

const short = (value) => String(Number(value.toPrecision(3)));

/** "f/2.8 · 1/250 s · ISO 200 · 50 mm", of what is known. */
export function exposureWords({ aperture, shutter, iso, focal_length: focal, focal_length_35mm: full }) {
  const time = shutter && (shutter < 0.4 ? `1/${Math.round(1 / shutter)}` : short(shutter));
  const length = focal && said.focal(short(focal));
  const wide = focal && full && Math.round(full) !== Math.round(focal) ? ` (${said.asFullFrame(short(full))})` : "";
  return [aperture && said.aperture(short(aperture)), time && said.seconds(time), iso && said.iso(Math.round(iso)), length && length + wide].filter(Boolean).join(" · ");
}

/** Above the picture whose file has gone. */
export const Gone = ({ shot, onRemove }) => html`<div class="gone-bar" role="status" data-testid="gone">
  <${Icon} name="warning" /><p class="grow small-text"><strong>${said.gone}</strong> ${said.goneText}</p>
  ${onRemove && html`<button class="button small" onClick=${onRemove} title=${shot.why}>${said.remove}</button>`}
</div>`;
