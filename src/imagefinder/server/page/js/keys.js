// Keys that work everywhere, and the list of all of them.
import { html, useLayoutEffect, useState } from "../vendor/preact.js";
import { Dialog } from "./components/dialog.js";
import { texts } from "./texts.js";

const k = texts.keys;
const KEYS = [
  [k.everywhere, [["/", k.toSearch], ["?", k.thisList], [k.esc, k.close]]],
  [k.pictures, [["← → ↑ ↓", k.move], [k.enter, k.open], [k.space, k.select], ["l", k.more], ["d", k.less], ["f", k.favorite], ["1 … 5", k.rate], [k.selectAll, k.all], ["s", k.similar], ["w", k.why]]],
  [k.duplicates, [["j k", k.groupNext], ["1 … 9", k.keep], ["t", k.trash], ["b", k.keepAll], ["n", k.notDuplicates], ["c", k.compare], ["u", k.undo]]],
  [k.borderline, [["y", k.belongs], ["n", k.intoNext], ["w", k.elsewhere], ["s", k.skip], ["u", k.undo]]],
  [k.map, [["← → ↑ ↓", k.moveFar], ["+ −", k.zoom], ["0", k.whole], [k.drag, k.lasso]]],
  [k.viewer, [["← →", k.next], ["+ −", k.zoom], ["0", k.fit], ["f", k.favorite], ["1 … 5", k.stars], ["i", k.about], ["b", k.part], ["p", k.slideshow], [k.fullScreen, k.full], ["l d", k.moreLess], ["t", k.frames], ["w", k.whyPart]]],
];

export const isTyping = (target) => target instanceof Element && target.closest("input, textarea, select, [contenteditable]");

/** @returns {[boolean, (open: boolean) => void]} whether the list of keys is shown */
export function useGlobalKeys() {
  const [help, setHelp] = useState(false);
  useLayoutEffect(() => {
    const keys = (event) => {
      if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "?") setHelp(true);
      else if (event.key === "/" && !document.querySelector("dialog[open]")) document.getElementById("search-words")?.focus();
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);
  return [help, setHelp];
}

export function KeyHelp({ onClose }) {
  return html`<${Dialog} title=${k.title} wide onClose=${onClose}>
    <div class="keys">
      ${KEYS.map(
        ([title, keys]) => html`<section key=${title}>
          <h3>${title}</h3>
          <dl>${keys.map(([key, what]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl>
        </section>`,
      )}
    </div>
  <//>`;
}
