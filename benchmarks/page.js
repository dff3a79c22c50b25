// What benchmarks/page.py notes of a page, from before its first line runs. Times are in ms since it was asked for.
(() => {
  const FEW = 12; // thumbnails that a person takes for "there"
  const noted = (window.noted = { cls: 0, paint: null, sharp: null, entered: null, found: null, none: false });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) noted.cls += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (entry.name === "first-contentful-paint") noted.paint = entry.startTime;
  }).observe({ type: "paint", buffered: true });

  const tiles = () =>
    [...document.querySelectorAll("[data-testid=grid] [data-index]")].sort((a, b) => a.dataset.index - b.dataset.index).slice(0, FEW);
  const isSharp = (image) => Boolean(image?.currentSrc) && image.complete && image.naturalWidth > 0;
  const sharp = (found) => found.length > 0 && found.every((one) => isSharp(one.querySelector("img.thumb")));
  const ids = (found) => found.map((one) => one.dataset.id).join();

  let before = "";
  addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Enter") return;
      before = ids(tiles());
      Object.assign(noted, { entered: performance.now(), found: null, none: false });
    },
    true,
  );
  const look = () => {
    const found = tiles();
    if (noted.sharp === null && found.length === FEW && sharp(found)) noted.sharp = performance.now();
    if (noted.entered !== null && noted.found === null && ids(found) !== before && sharp(found))
      noted.found = performance.now();
    noted.none = noted.found === null && document.querySelector("[data-testid=show-more]") !== null && !found.length;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);

  // What 9 x 7 places of the screen below the head show: a picture, a colour in its stead, or nothing.
  const shown = () => {
    const counts = { picture: 0, colour: 0, blank: 0 };
    for (let row = 1; row <= 7; row++) {
      for (let column = 1; column <= 9; column++) {
        const [x, y] = [(column / 10) * innerWidth, 120 + (row / 8) * (innerHeight - 120)];
        const tile = (far) => document.elementFromPoint(x + far, y + far)?.closest("[data-index]");
        const image = (tile(0) ?? tile(12))?.querySelector("img.thumb"); // the place may be a gap between two
        const ground = image?.closest(".tile-link")?.style.background;
        if (isSharp(image)) counts.picture++;
        else if (ground) counts.colour++;
        else counts.blank++;
      }
    }
    return counts;
  };

  /** Flies down the page, a screen or more at each step as a hard fling does; what was seen on the way. */
  window.fling = async (steps) => {
    const seen = [];
    for (let i = 0; i < steps; i++) {
      scrollBy(0, 1.5 * innerHeight);
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      seen.push(shown());
    }
    return seen;
  };
})();
