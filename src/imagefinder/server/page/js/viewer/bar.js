// The line above the picture: its name, the way to the next one, and what can be done with it.
import { html } from "../../vendor/preact.js";
import { Marks } from "../actions/marks.js";
import { Icon } from "../components/icon.js";
import { judge } from "../search/judging.js";
import { texts } from "../texts.js";
import { placeName } from "../units.js";

const said = texts.viewer;

export const Button = ({ icon, name, hint = name, ...rest }) =>
  html`<button class="icon-button" aria-label=${name} title=${hint} ...${rest}><${Icon} name=${icon} /></button>`;

/**
 * @param {object} props
 * @param {object} props.image
 * @param {string} props.name
 * @param {{at: number, total: number, more: boolean, go: (step: number) => void}} props.way the place among the others
 * @param {object | null} props.search what is searched for, null where nothing is
 * @param {{playing, setPlaying, full, toggleFull, panel, setPanel, why, setWhy, close}} props.on
 */
export function ViewerBar({ image, name, way, search, on }) {
  const { at, total, more, go } = way;
  const thumb = (icon, words, hint, ids, down) =>
    html`<${Button} icon=${icon} name=${words} hint=${hint} aria-pressed=${ids.includes(image?.id)} onClick=${() => judge(search, image.id, down)} />`;
  return html`<header class="viewer-bar ${search ? "many" : ""}">
    <${Button} icon="close" name=${said.close} hint=${said.closeKey} onClick=${on.close} />
    <h1 class="grow ellipsis theirs" dir="auto" title=${name}>${name}${placeName(image) && html`<span class="muted">, ${placeName(image)}</span>`}</h1>
    ${at >= 0 && html`<span class="muted small-text number only-wide">${said.place(at + 1, total, more)}</span>`}
    ${search && image && html`${thumb("like", said.more, said.moreKey, search.liked, false)}${thumb("dislike", said.less, said.lessKey, search.disliked, true)}`}
    ${image && html`<${Marks} image=${image} />`}
    <${Button} icon="left" name=${said.previous} hint=${said.previousKey} disabled=${at <= 0} onClick=${() => go(-1)} />
    <${Button} icon="right" name=${said.next} hint=${said.nextKey} disabled=${at < 0 || at >= total - 1} onClick=${() => go(1)} />
    <${Button} icon=${on.playing ? "pause" : "play"} name=${on.playing ? said.pause : said.play} hint=${on.playing ? said.pauseKey : said.playKey}
      aria-pressed=${on.playing} disabled=${at < 0 || (!on.playing && at >= total - 1)} onClick=${() => on.setPlaying(!on.playing)} />
    ${document.fullscreenEnabled && html`<${Button} icon="full" name=${said.full} hint=${said.fullKey} aria-pressed=${on.full} onClick=${on.toggleFull} />`}
    ${on.canWhy && html`<${Button} icon="why" name=${said.why} hint=${said.whyKey} aria-pressed=${on.why} onClick=${on.setWhy} />`}
    <${Button} icon="info" name=${said.about} hint=${said.aboutKey} aria-pressed=${on.panel} onClick=${on.setPanel} />
  </header>`;
}
