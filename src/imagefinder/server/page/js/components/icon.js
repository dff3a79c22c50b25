// Line drawings on a 24 px grid: `<${Icon} name="search" />`. They are decoration: the button around one has a name.
import { html } from "../../vendor/preact.js";
import { table } from "../table.js";

const PATHS = table({
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20",
  groups: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  map: "M5 17.5h.01M8 9h.01M11 13.5h.01M14.5 6h.01M16 17h.01M19 11h.01M11.5 19h.01M6.5 5h.01",
  duplicates: "M8 8h12v12H8zM16 8V4H4v12h4",
  library: "M3.5 18V6a1.5 1.5 0 0 1 1.5-1.5h4.5l2 2.5H19A1.5 1.5 0 0 1 20.5 8.500V18a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.500 18z",
  close: "M6 6l12 12M18 6 6 18",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  down: "M6 9l6 6 6-6",
  up: "M6 15l6-6 6 6",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  check: "M5 12.500l4.500 4.500L19 7.500",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  like: "M7 11v9H4v-9zM7 11l4-7.500c1.500 0 2.500 1 2.500 2.500V9.500h5a1.500 1.500 0 0 1 1.500 1.800l-1.400 7.200a1.800 1.800 0 0 1-1.800 1.500H7",
  dislike: "M7 13V4H4v9zM7 13l4 7.500c1.500 0 2.500-1 2.500-2.500v-3.500h5a1.500 1.500 0 0 0 1.500-1.800l-1.400-7.200A1.800 1.800 0 0 0 16.800 4H7",
  similar: "M4 6h9v9H4zM9.500 18.500H18a1.500 1.500 0 0 0 1.500-1.500V9M15 3.500l1 2 2 1-2 1-1 2-1-2-2-1 2-1z",
  tag: "M4 12V4.500h7.500L20 13l-7 7-9-8zM8 8.500h.01",
  trash: "M5 7h14M10 7V4.500h4V7M7 7l.8 12.500h8.400L17 7M10.500 10.500v6M13.500 10.500v6",
  download: "M12 4v11M7.500 10.500 12 15l4.500-4.500M4.500 19.500h15",
  image: "M4 5h16v14H4zM4 16l4.500-4.500 3.500 3.500 3-3 5 5M15.500 9h.01",
  camera: "M4 8h3.500L9 5.500h6L16.500 8H20v11H4zM12 10a3.200 3.200 0 1 0 0 6.500 3.200 3.200 0 0 0 0-6.500z",
  filter: "M4 6h16M7 12h10M10 18h4",
  options: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.500v5M9 14.500v5",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M18.700 5.300l-1.400 1.400M6.700 17.300l-1.400 1.400",
  moon: "M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10z",
  system: "M4 5h16v11H4zM9 20h6M12 16v4",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  open: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  box: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M9 9h6v6H9z",
  zoomIn: "M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13zM15.500 15.500 20 20M10.500 7.500v6M7.500 10.500h6",
  zoomOut: "M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13zM15.500 15.500 20 20M7.500 10.500h6",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  info: "M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17zM12 11v5.500M12 7.500h.01",
  why: "M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17zM9.500 9.800a2.500 2.500 0 1 1 3.700 2.200c-.8.5-1.200 1-1.200 1.900M12 16.700h.01",
  warning: "M12 4 2.800 19.500h18.400zM12 10v4.500M12 17h.01",
  refresh: "M19.500 12a7.500 7.500 0 1 1-2.300-5.400L19.500 9M19.500 4v5h-5",
  folder: "M3.500 18V6A1.500 1.500 0 0 1 5 4.500h4.500l2 2.500H19a1.500 1.500 0 0 1 1.500 1.500V18a1.500 1.500 0 0 1-1.500 1.500H5A1.500 1.500 0 0 1 3.500 18z",
  link: "M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-5.700-5.700L12 7M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 5.700 5.700L12 17",
  table: "M4 5h16v14H4zM4 10h16M4 14.500h16M10 10v9",
  keyboard: "M3 6.500h18v11H3zM7 10h.01M11 10h.01M15 10h.01M18 10h.01M8 14h8",
  play: "M8 5l11 7-11 7z",
  pause: "M8.500 5v14M15.500 5v14",
  full: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5M4 4l5 5M20 4l-5 5M20 20l-5-5M4 20l5-5",
  edit: "M4 20l1-4.500L16 4.500l3.500 3.500L8.500 19z",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  unlock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 6.800-1.200",
  undo: "M8 5 4 9l4 4M4 9h10a5.500 5.500 0 0 1 0 11h-4",
  merge: "M5 4v4c0 3 7 3.500 7 7v5M19 4v4c0 3-7 3.500-7 7M9 17l3 3 3-3",
  split: "M12 4v5c0 3-7 3-7 7v4M12 9c0 3 7 3 7 7v4",
  across: "M4 12h14M13 6.500l5.500 5.500-5.500 5.500",
  move: "M4 12h14M13 6.500l5.500 5.500-5.500 5.500",
  lasso: "M12 5c5 0 8.500 2 8.500 5s-3.500 5-8.500 5-8.500-2-8.500-5S7 5 12 5zM8 15c-1.500 1-1.500 3 0 3.500s2 2 .5 2.500",
  history: "M5 12a7.500 7.500 0 1 1 2.200 5.300M5 12l-2-2.500M5 12l2.500-2M12 8v4.500l3 1.800",
  heart: "M12 20C7 16 3.500 12.800 3.500 9A4.500 4.500 0 0 1 12 7a4.500 4.500 0 0 1 8.500 2c0 3.800-3.500 7-8.500 11z",
  star: "M12 4l2.500 5.100 5.500.800-4 3.900 1 5.500-5-2.600-5 2.600 1-5.500-4-3.900 5.500-.8z",
  album: "M5 7h14v13H5zM7 4h10M9 12.500l2.500 3 2-2 3 3.500",
  archive: "M4 5h16v4H4zM5.500 9v10.500h13V9M10 13h4",
  text: "M5 8V5h14v3M12 5v14M9 19h6",
  clock: "M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17zM12 7.500V12l3 2",
  sparkle: "M12 4l1.800 5.200L19 11l-5.200 1.800L12 18l-1.800-5.200L5 11l5.200-1.800z",
});

const POINTING = new Set(["left", "right", "undo", "move", "open", "why"]); // along the line, so mirrored where it runs from the right

/** @param {{name: keyof typeof PATHS}} props */
export function Icon({ name, class: extra = "" }) {
  return html`<svg class="icon ${POINTING.has(name) ? "pointing" : ""} ${extra}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.7"
    stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
    <path d=${PATHS[name]} stroke-width=${name === "map" || name === "more" ? 2.8 : undefined} />
  </svg>`;
}
