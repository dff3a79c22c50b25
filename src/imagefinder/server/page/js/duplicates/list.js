// The list of groups, and the keys to work through it quickly.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../vendor/preact.js";
import { setParams } from "../state.js";
import { GroupCard } from "./card.js";
import { Compare } from "./compare.js";
import { confirmTrash } from "./confirm.js";
import { decide, takeLastBack, trash } from "./deciding.js";
import { imagesOf, keyOf, removable, suggests } from "./report.js";

const STEP = 30; // groups drawn at a time

const isElsewhere = (event) =>
  event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open], [popover]:popover-open") || event.target.closest?.("input, textarea, select");

/** @param {{groups: object[], keepers: Map, setKeepers: Function, params: URLSearchParams, why: string | null}} props */
export function GroupList({ groups, keepers, setKeepers, params, why }) {
  const [shown, setShown] = useState(STEP);
  const [comparing, setComparing] = useState(null); // the key of a group
  const end = useRef(null);
  const wanted = useRef(null); // the key of the group to be focused once it is drawn
  const [, setAsked] = useState(0);
  const at = Math.max(0, groups.findIndex((one) => keyOf(one) === params.get("group")));
  const active = groups[at];
  const keepIdOf = (group) => keepers.get(keyOf(group)) ?? (suggests(group) ? group.keep.id : null);
  const isChosen = (group) => keepers.has(keyOf(group));

  useEffect(() => {
    const watch = new IntersectionObserver(([entry]) => entry.isIntersecting && setShown((n) => n + STEP), { rootMargin: "1200px" });
    watch.observe(end.current);
    return () => watch.disconnect();
  }, []);

  const activate = (group) => group !== active && setParams({ group: keyOf(group) }, { replace: true });
  const go = (index) => {
    const next = groups[Math.max(0, Math.min(groups.length - 1, index))];
    if (!next) return document.querySelector("main h1")?.focus();
    setShown((n) => Math.max(n, index + STEP));
    wanted.current = keyOf(next);
    activate(next);
    setAsked((n) => n + 1); // also where it is the active one already
  };
  useLayoutEffect(() => {
    const card = wanted.current && document.getElementById(`group-${wanted.current}`);
    if (!card) return;
    wanted.current = null;
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
  });
  /** The next group takes the place of one that is done. */
  const onward = (group) => {
    const place = groups.indexOf(group);
    go(place + 1 < groups.length ? place + 1 : place - 1);
  };
  const on = {
    activate,
    keep: (group, image) => {
      setKeepers((all) => new Map(all).set(keyOf(group), image.id));
      requestAnimationFrame(() => document.getElementById(`group-${keyOf(group)}`)?.focus({ preventScroll: true }));
    },
    compare: (group) => setComparing(keyOf(group)),
    decide: (group, decision, member) => {
      if (!member) (setComparing(null), onward(group));
      return decide(group, decision, member);
    },
    trash: async (group) => {
      const keep = imagesOf(group).find((image) => image.id === keepIdOf(group));
      const plan = [{ group, keep, remove: removable(group, keepIdOf(group), isChosen(group)) }];
      if (!plan[0].remove.length || !(await confirmTrash(plan))) return;
      setComparing(null);
      onward(group);
      trash(plan);
    },
  };
  const latest = useRef(null);
  latest.current = (event) => {
    if (isElsewhere(event)) return;
    const changes = why ? {} : { t: () => on.trash(active), b: () => on.decide(active, "keep-both"), n: () => on.decide(active, "not-duplicate"), u: takeLastBack };
    const keys = { j: () => go(document.activeElement?.closest("article") ? at + 1 : at), k: () => go(at - 1), c: () => on.compare(active), ...changes };
    const image = active && !why && /^[1-9]$/.test(event.key) ? imagesOf(active)[event.key - 1] : null;
    if (image) on.keep(active, image);
    else if (keys[event.key] && (active || event.key === "u")) keys[event.key]();
    else return;
    event.preventDefault();
  };
  useLayoutEffect(() => {
    const keys = (event) => latest.current(event);
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);

  const compared = groups.find((one) => keyOf(one) === comparing);
  return html`<div class="duplicates-list">
    ${groups.slice(0, shown).map((group) => html`<${GroupCard} key=${keyOf(group)} keepId=${keepIdOf(group)} chosen=${isChosen(group)} active=${group === active} ...${{ group, on, why }} />`)}
    <span ref=${end}></span>
    ${compared && html`<${Compare} group=${compared} keepId=${keepIdOf(compared)} chosen=${isChosen(compared)} onClose=${() => setComparing(null)} ...${{ on, why }} />`}
  </div>`;
}
