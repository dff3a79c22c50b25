// The frame around every view: name, search box, places, running jobs, theme; and the dialogs that any place may show.
import { html, useEffect, useState } from "../vendor/preact.js";
import { openHistory } from "./actions/history.js";
import { ApiError, api, locked } from "./api.js";
import { ConnectionBar } from "./components/connection_bar.js";
import { Dialog } from "./components/dialog.js";
import { ErrorBox, Skeleton } from "./components/empty.js";
import { Icon } from "./components/icon.js";
import { JobIndicator } from "./components/job_indicator.js";
import { LanguageMenu } from "./components/language_menu.js";
import { SearchBox } from "./components/search_box.js";
import { Viewer } from "./components/viewer.js";
import { found, look, lost } from "./connection.js";
import { DropTarget } from "./dropping.js";
import { KeyHelp, useGlobalKeys } from "./keys.js";
import { usePlace } from "./state.js";
import { useStore } from "./store.js";
import { table } from "./table.js";
import { texts } from "./texts.js";
import { nextTheme, theme } from "./theme.js";

const PLACES = [
  { path: "/", name: texts.shell.search, icon: "search", match: /^\/$/, load: () => import("./views/search.js") },
  { path: "/groups", name: texts.shell.groups, icon: "groups", match: /^\/groups(?:\/(-?\d+))?$/, load: () => import("./views/groups.js") },
  { path: "/map", name: texts.shell.map, icon: "map", match: /^\/map$/, load: () => import("./views/map.js") },
  { path: "/duplicates", name: texts.shell.duplicates, icon: "duplicates", match: /^\/duplicates$/, load: () => import("./views/duplicates.js") },
  { path: "/library", name: texts.shell.library, icon: "library", match: /^\/library$/, load: () => import("./views/library.js") },
];
const THEMES = table({ system: ["system", texts.shell.themeSystem], light: ["sun", texts.shell.themeLight], dark: ["moon", texts.shell.themeDark] });

export function Shell() {
  const { path, params } = usePlace();
  const place = PLACES.find((one) => one.match.test(path));
  const isLocked = useStore(locked);
  const [help, setHelp] = useGlobalKeys();
  const [icon, label] = THEMES[useStore(theme)];
  useEffect(() => {
    if (place?.path !== "/") document.title = place ? `${place.name} · ImageFinder` : "ImageFinder"; // a search says what it is for
  }, [place]);
  return html`<a class="skip" href="#main" onClick=${(e) => (e.preventDefault(), document.getElementById("main").focus())}>${texts.shell.skip}</a>
    <header class="shell-header">
      <a class="brand" href="/" aria-label=${texts.shell.home}><img src="/icon.svg" alt="" width="28" height="28" /><span>ImageFinder</span></a>
      <${SearchBox} />
      <nav class="places" aria-label=${texts.shell.places}>
        ${PLACES.map(
          (one) => html`<a key=${one.path} href=${one.path} aria-current=${one === place ? "page" : undefined}>
            <${Icon} name=${one.icon} /><span>${one.name}</span></a>`,
        )}
      </nav>
      <div class="row shell-tools">
        <${JobIndicator} />
        <button class="icon-button" aria-label=${texts.actions.history} title=${texts.actions.history} data-testid="open-history" onClick=${openHistory}><${Icon} name="history" /></button>
        <span class="only-wide"><${LanguageMenu} /></span>
        <button class="icon-button" aria-label=${label} title=${label} data-testid="theme" onClick=${nextTheme}><${Icon} name=${icon} /></button>
        <button class="icon-button only-wide" aria-label=${texts.shell.keys} title=${`${texts.shell.keys} (?)`} onClick=${() => setHelp(true)}><${Icon} name="keyboard" /></button>
      </div>
    </header>
    <${ConnectionBar} />
    <main id="main" tabindex="-1">
      ${place ? html`<${LazyView} key=${place.path} place=${place} path=${path} params=${params} />` : html`<${Nowhere} />`}
    </main>
    ${params.get("image") && html`<${Viewer} id=${params.get("image")} />`}
    <${DropTarget} />
    ${help && html`<${KeyHelp} onClose=${() => setHelp(false)} />`}
    ${isLocked && html`<${Login} />`}`;
}

function LazyView({ place, path, params }) {
  const [View, setView] = useState(null);
  const [error, setError] = useState(null);
  const load = () => {
    setError(null);
    place.load().then((module) => setView(() => module.default)).catch(async (cause) => {
      await look();
      if (lost.get()) return found().then(load);
      console.error(cause);
      setError({ message: texts.shell.notLoaded(place.name), remedy: texts.shell.reload });
    });
  };
  useEffect(load, []);
  if (error) return html`<${ErrorBox} error=${error} retry=${load} />`;
  if (!View) return html`<div class="page late"><${Skeleton} /></div>`;
  return html`<${View} route=${{ path, params, label: path.match(place.match)[1] }} />`;
}

const Nowhere = () => html`<${ErrorBox} error=${{ message: texts.shell.nowhere, remedy: texts.shell.menu }} />`;

function Login() {
  const [key, setKey] = useState("");
  const [error, setError] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    try {
      await api.post("/session", { key });
      locked.set(false);
    } catch (cause) {
      setError(cause instanceof ApiError ? cause : new ApiError({ status: 0, code: "unexpected", message: String(cause) }));
    }
  };
  return html`<${Dialog} title=${texts.shell.locked} onClose=${() => {}}>
    <form class="stack" onSubmit=${submit}>
      <div class="field">
        <label for="login-key">${texts.shell.key}</label>
        <input id="login-key" class="input" type="password" autocomplete="current-password" autofocus value=${key}
          onInput=${(e) => setKey(e.target.value)} aria-describedby="login-hint" />
        <p id="login-hint" class="muted small-text">${texts.shell.keyHint(html`<code>imagefinder key --link</code>`)}</p>
      </div>
      ${error && html`<p role="alert" class="error-text">${error.message} ${error.remedy}</p>`}
      <footer class="dialog-buttons"><button class="button primary" disabled=${!key}>${texts.shell.open}</button></footer>
    </form>
  <//>`;
}
