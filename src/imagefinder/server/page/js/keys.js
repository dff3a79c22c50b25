// Keys that work everywhere, and the list of all of them.
import { html, useLayoutEffect, useState } from "../vendor/preact.js";
import { Dialog } from "./components/dialog.js";

const KEYS = [
  ["Everywhere", [["/", "Go to the search box"], ["?", "This list"], ["Esc", "Close what is open, or drop the selection"]]],
  ["Among pictures", [["← → ↑ ↓", "Move"], ["Enter", "Open"], ["Space", "Select; with Shift all in between"], ["l", "More like this one"], ["d", "Less like this one"], ["f", "Favourite"], ["1 … 5", "Rate with stars; once more takes the rating away"], ["Ctrl + A", "Select all"], ["s", "Search by this one"], ["w", "Why it was found"]]],
  ["Among duplicates", [["j k", "Next, previous group"], ["1 … 9", "Keep this one"], ["t", "Move the others to the trash"], ["b", "Keep both, or all"], ["n", "Not duplicates"], ["c", "Compare"], ["u", "Undo"]]],
  ["Borderline of a group", [["y", "It belongs"], ["n", "Into the next group"], ["w", "Somewhere else"], ["s", "Skip"], ["u", "Undo"]]],
  ["On the map", [["← → ↑ ↓", "Move; farther with Shift"], ["+ −", "Zoom"], ["0", "Show all"], ["Shift + drag", "Select what the line encloses"]]],
  ["In the big view", [["← →", "Previous, next"], ["+ −", "Zoom"], ["0", "Fit to the window"], ["f", "Favourite"], ["1 … 5", "Rate with stars"], ["i", "What is known of it"], ["b", "Search by a part of the picture"], ["p", "Slideshow"], ["Shift + F", "Full screen"], ["l d", "More, less like this one"], ["t", "Frames around the words that were read"], ["w", "Why it was found, and by which part"]]],
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
  return html`<${Dialog} title="Keyboard" wide onClose=${onClose}>
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
