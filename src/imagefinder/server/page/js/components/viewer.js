// The big view of one image, opened by `?image=id` over any place.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { onChanged } from "../events.js";
import { fileName, number, placeName } from "../format.js";
import { useIndex } from "../library_info.js";
import { Marks, markByKey } from "../actions/marks.js";
import { takeOut } from "../actions/doing.js";
import { searchHref } from "../searching.js";
import { navigate, withParams } from "../state.js";
import { keptStore, useStore } from "../store.js";
import { BoxNumbers, BoxPicker, START } from "../viewer/box.js";
import { Panel } from "../viewer/panel.js";
import { Film } from "../viewer/film.js";
import { Stage } from "../viewer/stage.js";
import { WordBoxes } from "../viewer/text.js";
import { WhyBar, WhyMap, explaining, useWhy } from "../viewer/why.js";
import { walk } from "../viewing.js";
import { Dialog } from "./dialog.js";
import { ErrorBox } from "./empty.js";
import { Icon } from "./icon.js";

const SOON_MS = 400; // after which a removed image has made room for the next one
const withPanel = keptStore("viewer-panel", true);
const withWords = keptStore("viewer-words", false);

export function Viewer({ id }) {
  const { items, more } = useStore(walk);
  const { info } = useIndex();
  const request = useRequest(id, (signal) => api.get(`/images/${id}`, {}, { signal }));
  const panel = useStore(withPanel);
  const words = useStore(withWords);
  const [box, setBox] = useState(null);
  const wanted = useStore(explaining);
  const controls = useRef({});
  const [unplayed, setUnplayed] = useState(null); // what this browser can't play is shown as a picture
  const at = items.findIndex((item) => item.id === id);
  const image = request.data?.id === id ? request.data : items[at]?.width && !request.error ? items[at] : null;
  const why = useWhy(id, wanted || Boolean(image?.text));
  const explained = wanted && why.asked && !box;
  const found = new Set(why.data?.text_at ?? []);
  const film = image && placeName(image) && image.format === "VIDEO" && unplayed !== id && !box && !(words && image.text) && !explained;
  const name = image?.name || (image?.uri ? fileName(image.uri) : "Image");
  const show = (next) => navigate(withParams({ image: next }), { replace: true });
  const go = (step) => items[at + step] && at >= 0 && show(items[at + step].id);
  const close = () => (box ? setBox(null) : navigate(withParams({ image: null })));
  useLayoutEffect(() => setBox(null), [id]);
  useEffect(() => {
    if (at >= 0 && at > items.length - 3) more?.();
  }, [at, items.length]);
  useEffect(() => {
    let timer = 0;
    const stop = onChanged(["images", "clusters"], () => (clearTimeout(timer), (timer = setTimeout(request.reload, SOON_MS))));
    return () => (clearTimeout(timer), stop());
  }, []);
  const remove = async () => {
    if (!(await takeOut([id]))) return;
    const next = items[at + 1] ?? items[at - 1];
    if (next) show(next.id);
    else navigate(withParams({ image: null }));
  };
  const keys = (event) => {
    if (event.target.closest("input, textarea, summary, video, .box") || event.ctrlKey || event.metaKey || event.altKey) return;
    const { zoom, reset } = controls.current;
    if (image && markByKey(event, image)) return event.preventDefault();
    const act = { ArrowLeft: () => go(-1), ArrowRight: () => go(1), "+": () => zoom?.(1.5), "=": () => zoom?.(1.5), "-": () => zoom?.(1 / 1.5), 0: reset, b: () => setBox(box ? null : START), i: () => withPanel.set(!panel), e: () => why.asked && explaining.set(!wanted), t: () => withWords.set(!words) }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  return html`<${Dialog} bare class="viewer" label=${name} onClose=${close}>
    <div class="viewer-frame ${panel ? "with-panel" : ""}" onKeyDown=${keys} data-testid="viewer">
      <header class="viewer-bar">
        <button class="icon-button" aria-label="Close" title="Close (Esc)" onClick=${() => navigate(withParams({ image: null }))}><${Icon} name="close" /></button>
        <h1 class="grow ellipsis" title=${name}>${name}${placeName(image) && html`<span class="muted">, ${placeName(image)}</span>`}</h1>
        ${at >= 0 && html`<span class="muted small-text number only-wide">${number(at + 1)} of ${number(items.length)}${more ? "+" : ""}</span>`}
        ${image && html`<${Marks} image=${image} />`}
        <button class="icon-button" aria-label="Previous" title="Previous (←)" disabled=${at <= 0} onClick=${() => go(-1)}><${Icon} name="left" /></button>
        <button class="icon-button" aria-label="Next" title="Next (→)" disabled=${at < 0 || at >= items.length - 1} onClick=${() => go(1)}><${Icon} name="right" /></button>
        ${why.asked && html`<button class="icon-button" aria-label="Why it was found" title="Why it was found (e)" aria-pressed=${wanted} onClick=${() => explaining.set(!wanted)}><${Icon} name="why" /></button>`}
        <button class="icon-button" aria-label="About this image" title="About this image (i)" aria-pressed=${panel} onClick=${() => withPanel.set(!panel)}><${Icon} name="info" /></button>
      </header>
      ${request.error && !image && html`<div class="viewer-error"><${ErrorBox} error=${request.error} retry=${request.reload} /></div>`}
      ${film && html`<${Film} key=${id} image=${image} name=${name} onFail=${() => setUnplayed(id)} />`}
      ${image && !film && html`<${Stage} image=${image} name=${name} onSwipe=${go} boxing=${box !== null} controls=${controls}>
        ${box && html`<${BoxPicker} box=${box} onChange=${setBox} />`}
        ${explained && why.data?.map && html`<${WhyMap} map=${why.data.map} />`}
        ${(words || explained) && !box && request.data?.id === id && html`<${WordBoxes} image=${request.data} all=${words} found=${found} />`}
      <//>`}
      ${explained && html`<${WhyBar} why=${why} />`}
      ${box && html`<div class="box-bar" role="region" aria-label="Search by a part">
        <p class="small-text">Draw a rectangle around what to search by.</p>
        <${BoxNumbers} box=${box} onChange=${setBox} />
        <div class="row"><button class="button small" onClick=${() => setBox(null)}>Cancel</button>
        <a class="button small primary" href=${searchHref({ id, box })} data-testid="search-box"><${Icon} name="search" />Search by this part</a></div>
      </div>`}
      ${panel && request.data?.id === id && html`<${Panel} key=${id} image=${request.data} readOnly=${info?.read_only ?? true} onChange=${request.setData}
        onBox=${() => setBox(START)} onRemove=${remove} found=${found} words=${words} onWords=${() => withWords.set(!words)} />`}
    </div>
  <//>`;
}
