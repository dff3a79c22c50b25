// ImageFinder's page. Conventions:
//
// - Plain ES modules, no build step. Components are Preact functions written with htm; everything they need of Preact
//   comes from vendor/preact.js. Third-party code lives only in vendor/, put there by tools/vendor_page.py.
// - The URL is the state (state.js): views read `route.params` and change it with `setParams({ name: value })`; plain
//   links (`<a href="/groups/3">`) work and make no request. Nothing else needs a router.
// - A view is `views/NAME.js`, default-exporting a component with the prop `route` ({path, params, label}); it is loaded
//   when first shown. Its style sheet is css/NAME.css, linked in index.html.
// - Calls go through `api` (api.js), loading through `useRequest(key, load)`, which aborts what is outdated. Errors have
//   `message` and `remedy`: show them with <ErrorBox> where content should be, else with `toastError`.
// - State shared by views is a store (store.js): `useIndex()`, `useJobs()`. Live changes: `onChanged(["images"], f)`.
// - A view with pictures calls `useWalk(items)` (viewing.js), so that the big view (`?image=id`, see `imageHref`) knows
//   what comes before and after.
// - The Content-Security-Policy forbids inline scripts and style attributes in markup; `style=${{ width: "3px" }}` in
//   htm sets properties from code and is allowed. No request to another host.
// - What the page says stands in texts/en/VIEW.js, and code names it: `texts.search.more(3)` (texts.js). A text is a
//   string, or a function of what it tells of; no sentence is put together from pieces anywhere else.
// - Every control is a real button, link or labelled field; an icon alone has an aria-label. Sizes and colours come from
//   css/tokens.css only. Touch targets are var(--touch) high.
import { html, render } from "../vendor/preact.js";
import { mountToasts } from "./components/toast.js";
import { watchJobs } from "./jobs.js";
import { watchIndex } from "./library_info.js";
import { Shell } from "./shell.js";

mountToasts();
watchIndex();
watchJobs();
render(html`<${Shell} />`, document.getElementById("app"));
