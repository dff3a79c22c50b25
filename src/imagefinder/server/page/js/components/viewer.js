// The big view of one image, opened by `?image=id` over any place.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { onChanged } from "../events.js";
import { fileName } from "../format.js";
import { FORMER_KEY, NEXT_KEY } from "../language.js";
import { useIndex } from "../library_info.js";
import { markByKey } from "../actions/marks.js";
import { takeOut } from "../actions/doing.js";
import { judge } from "../search/judging.js";
import { readSearch, searchHref } from "../searching.js";
import { isId, navigate, usePlace, withParams } from "../state.js";
import { keptStore, useStore } from "../store.js";
import { texts } from "../texts.js";
import { placeName } from "../units.js";
import { ViewerBar } from "../viewer/bar.js";
import { BoxNumbers, BoxPicker, START } from "../viewer/box.js";
import { Panel } from "../viewer/panel.js";
import { Film } from "../viewer/film.js";
import { Gone, useShot } from "../viewer/shot.js";
import { useFullScreen, useRest, useSlideshow } from "../viewer/show.js";
import { Stage } from "../viewer/stage.js";
import { useStep } from "../viewer/step.js";
import { WordBoxes } from "../viewer/text.js";
import { WhyBar, WhyMap, explaining, useWhy } from "../viewer/why.js";
import { walk } from "../viewing.js";
import { Dialog } from "./dialog.js";
import { ErrorBox } from "./empty.js";
import { Icon } from "./icon.js";

const said = texts.viewer;
const SOON_MS = 400; // after which a removed image has made room for the next one
const NARROW = "(max-width: 820px)"; // where the panel lies below the picture
const withPanel = keptStore(matchMedia(NARROW).matches ? "viewer-panel-narrow" : "viewer-panel", !matchMedia(NARROW).matches);
const withWords = keptStore("viewer-words", false);

/** All that is known of an image, asked for again when it changes. */
function useImage(id, item) {
  const request = useRequest(isId(id) ? id : null, (signal) => api.get(`/images/${id}`, {}, { signal }));
  useEffect(() => {
    let timer = 0;
    const stop = onChanged(["images", "clusters"], () => (clearTimeout(timer), (timer = setTimeout(request.reload, SOON_MS))));
    return () => (clearTimeout(timer), stop());
  }, []);
  const known = request.data?.id === id;
  const error = !isId(id) || request.error?.status === 404 ? { message: said.noSuch, remedy: said.noSuchHow } : request.error;
  return { request, error, known, image: known ? request.data : item?.width && !error ? item : null };
}

export function Viewer({ id }) {
  const { items, more } = useStore(walk);
  const { info } = useIndex();
  const { params } = usePlace();
  const at = items.findIndex((item) => item.id === id);
  const { request, error, known, image } = useImage(id, items[at]);
  const { shot } = useShot(id);
  const panel = useStore(withPanel);
  const words = useStore(withWords);
  const [box, setBox] = useState(null);
  const wanted = useStore(explaining);
  const frame = useRef(null);
  const controls = useRef({});
  const [unplayed, setUnplayed] = useState(null); // what this browser can't play is shown as a picture
  const why = useWhy(id, wanted || Boolean(image?.text));
  const search = why.asked ? readSearch(params) : null;
  const explained = wanted && why.asked && !box;
  const found = new Set(why.data?.text_at ?? []);
  const film = image && placeName(image) && image.format === "VIDEO" && unplayed !== id && !box && !(words && image.text) && !explained;
  const name = image?.name || (image?.uri ? fileName(image.uri) : said.picture);
  const show = (next) => navigate(withParams({ image: next }), { replace: true });
  const go = useStep(items, at, show);
  const leave = () => navigate(withParams({ image: null }));
  const [playing, setPlaying] = useSlideshow({ next: at >= 0 && !box ? items[at + 1] : undefined, go, id });
  const [full, toggleFull] = useFullScreen(frame);
  const resting = useRest(playing);
  useLayoutEffect(() => setBox(null), [id]);
  useEffect(() => {
    if (at >= 0 && at > items.length - 3) more?.();
    if (at >= 0) items.gallery?.need(Math.max(0, at - 2), at + 3);
  }, [at, items.length]);
  const remove = async () => {
    if (!(await takeOut([id]))) return;
    const next = items[at + 1] ?? items[at - 1];
    if (next) show(next.id);
    else leave();
  };
  const togglePanel = () => withPanel.set(!panel);
  const toggleWhy = () => explaining.set(!wanted);
  const keys = (event) => {
    if (event.target.closest("input, textarea, summary, video, .box") || event.ctrlKey || event.metaKey || event.altKey) return;
    const { zoom, reset } = controls.current;
    if (image && markByKey(event, image)) return event.preventDefault();
    const act = {
      [FORMER_KEY]: () => go(-1), [NEXT_KEY]: () => go(1), "+": () => zoom?.(1.5), "=": () => zoom?.(1.5), "-": () => zoom?.(1 / 1.5), 0: reset,
      b: () => setBox(box ? null : START), i: togglePanel, w: () => why.asked && toggleWhy(), t: () => withWords.set(!words),
      p: () => setPlaying(!playing), F: toggleFull, l: search && (() => judge(search, id, false)), d: search && (() => judge(search, id, true)),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  const readOnly = info?.read_only ?? true;
  const on = { playing, setPlaying, full, toggleFull, panel, setPanel: togglePanel, canWhy: why.asked, why: wanted, setWhy: toggleWhy, close: leave };
  return html`<${Dialog} bare class="viewer" label=${name} onClose=${() => (box ? setBox(null) : leave())}>
    <div ref=${frame} class="viewer-frame ${panel && !playing ? "with-panel" : ""} ${resting ? "resting" : ""}" onKeyDown=${keys} data-testid="viewer">
      <${ViewerBar} ...${{ image, name, search, on }} way=${{ at, total: items.length, more: Boolean(more), go }} />
      ${error && !image && html`<div class="viewer-error"><${ErrorBox} error=${error} retry=${error === request.error ? request.reload : undefined} /></div>`}
      ${film && html`<${Film} key=${id} image=${image} name=${name} onFail=${() => setUnplayed(id)} />`}
      ${image && !film && html`<${Stage} image=${image} name=${name} onSwipe=${go} boxing=${box !== null} controls=${controls}>
        ${box && html`<${BoxPicker} box=${box} onChange=${setBox} />`}
        ${explained && why.data?.map && html`<${WhyMap} map=${why.data.map} />`}
        ${(words || explained) && !box && known && html`<${WordBoxes} image=${request.data} all=${words} found=${found} />`}
      <//>`}
      ${shot?.there === false && !box && html`<${Gone} shot=${shot} onRemove=${readOnly ? null : remove} />`}
      ${explained && html`<${WhyBar} why=${why} />`}
      ${box && html`<${BoxBar} ...${{ id, box, setBox }} />`}
      ${panel && !playing && known && html`<${Panel} key=${id} image=${request.data} hit=${items[at]} ...${{ readOnly, shot, found, words }} onChange=${request.setData}
        onBox=${() => setBox(START)} onRemove=${remove} onWords=${() => withWords.set(!words)} />`}
    </div>
  <//>`;
}

const BoxBar = ({ id, box, setBox }) => html`<div class="box-bar" role="region" aria-label=${said.byPart}>
  <p class="small-text">${said.boxHint}</p>
  <${BoxNumbers} box=${box} onChange=${setBox} />
  <div class="row"><button class="button small" onClick=${() => setBox(null)}>${said.cancel}</button>
  <a class="button small primary" href=${searchHref({ id, box })} data-testid="search-box"><${Icon} name="search" />${said.useBox}</a></div>
</div>`;
