// A strip at the side of a gallery by date that shows its months from end to end, and jumps where it is pressed.
import { html, useLayoutEffect, useRef, useState } from "../../vendor/preact.js";
import { FORMER_KEY, NEXT_KEY } from "../language.js";
import { texts } from "../texts.js";

const words = texts.filters;
const YEAR_GAP = 0.035; // of the strip's height, between two years that are written

/** Where in the gallery the window begins, below the page's header. */
function startOfWindow() {
  return parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop) || 0;
}

/**
 * @param {{sections: {start: number, title: string, year: string, count: number}[], layout: {height: number, heads: number[]},
 *   element: {current: HTMLElement}}} props
 */
export function Scrubber({ sections, layout, element }) {
  const [now, setNow] = useState(0);
  const [held, setHeld] = useState(false);
  const strip = useRef(null);
  const aimed = useRef(null); // the month that was jumped to, and where that led: near the end of a page not to its top
  const { heads, height } = layout;
  const last = sections.length - 1;

  useLayoutEffect(() => {
    let frame = 0;
    const look = () => {
      frame = 0;
      if (aimed.current && Math.abs(scrollY - aimed.current.y) < 2) return setNow(aimed.current.index);
      aimed.current = null;
      const y = startOfWindow() + 8 - element.current.getBoundingClientRect().top;
      const after = heads.findIndex((top) => top > y);
      setNow(Math.max(0, (after < 0 ? heads.length : after) - 1));
    };
    const soon = () => (frame ||= requestAnimationFrame(look));
    look();
    addEventListener("scroll", soon, { passive: true });
    return () => (cancelAnimationFrame(frame), removeEventListener("scroll", soon));
  }, [heads]);

  const scrollInto = (y) => scrollTo(0, scrollY + element.current.getBoundingClientRect().top + y - startOfWindow());
  const jump = (index) => {
    const wanted = Math.min(last, Math.max(0, index));
    scrollInto(heads[wanted]);
    aimed.current = { index: wanted, y: scrollY };
    setNow(wanted);
  };
  const nextYear = (step) => {
    let index = now;
    while (sections[index + step] && sections[index + step].year === sections[now].year) index += step;
    return index + step;
  };
  const keys = (event) => {
    const target = { ArrowDown: now + 1, [NEXT_KEY]: now + 1, ArrowUp: now - 1, [FORMER_KEY]: now - 1, PageDown: nextYear(1), PageUp: nextYear(-1), Home: 0, End: last }[event.key];
    if (target === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    jump(target);
  };
  const drag = (event) => {
    const box = strip.current.getBoundingClientRect();
    scrollInto(Math.min(1, Math.max(0, (event.clientY - box.top) / box.height)) * height);
  };
  const down = (event) => {
    if (event.button !== 0) return;
    strip.current.setPointerCapture(event.pointerId);
    setHeld(true);
    drag(event);
  };
  const { title, count } = sections[now] ?? sections[last];
  const place = (index) => ({ top: `${(100 * heads[index]) / height}%` });
  return html`<div class="scrubber-rail"><div ref=${strip} class="scrubber ${held ? "held" : ""}" role="slider" tabindex="0" aria-label=${words.timeline} aria-orientation="vertical"
    aria-valuemin="0" aria-valuemax=${last} aria-valuenow=${Math.min(now, last)} aria-valuetext=${words.monthOf(title, count)} data-testid="scrubber"
    onKeyDown=${keys} onPointerDown=${down} onPointerMove=${(e) => held && drag(e)} onPointerUp=${() => setHeld(false)} onPointerCancel=${() => setHeld(false)}>
    ${years(sections, heads, height).map(({ year, index }) => html`<span key=${`${year}${index}`} class="scrubber-year number" style=${place(index)}>${year}</span>`)}
    <span class="scrubber-now" style=${place(Math.min(now, last))}><b>${title}</b></span>
  </div></div>`;
}

/** The years that there is room to write. */
function years(sections, heads, height) {
  const found = [];
  let before = -1;
  sections.forEach(({ year }, index) => {
    const at = heads[index] / height;
    if (!year || year === sections[index - 1]?.year || at - before < YEAR_GAP) return;
    before = at;
    found.push({ year, index });
  });
  return found;
}
