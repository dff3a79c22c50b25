// The filter as an expression, written by hand.
import { html, useState } from "../../vendor/preact.js";
import { api } from "../api.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { texts } from "../texts.js";

const words = texts.filters;

/** What of the filter no facet can show. */
export function Expression({ filter, others, onChange }) {
  const face = html`<span class="ellipsis">${others.join(" and ")}</span><${Icon} name="down" />`;
  return html`<span class="facet on">
    <${Popover} class="facet-button" button=${face} label=${words.advanced} testid="facet-others">
      ${(close) => html`<${ExpressionForm} filter=${filter} close=${close} onChange=${onChange} />`}
    <//>
  </span>`;
}

export function ExpressionForm({ filter, close, onChange }) {
  const [text, setText] = useState(filter);
  const [error, setError] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    try {
      await api.get("/images", { filter: text.trim(), k: 1 }); // says what is wrong with it, before it is used
      close();
      onChange(text.trim());
    } catch (cause) {
      setError(cause);
    }
  };
  return html`<form class="menu-body stack tight expression" onSubmit=${submit}>
    <div class="field">
      <label for="filter-text">${words.expressionName}</label>
      <textarea id="filter-text" class="input mono" rows="3" spellcheck=${false} value=${text} aria-describedby="filter-help"
        onInput=${(event) => (setText(event.target.value), setError(null))}></textarea>
    </div>
    ${error && html`<p class="error-text" role="alert">${error.message} ${error.remedy}</p>`}
    <p id="filter-help" class="muted small-text">${words.expressionHelp((one) => html`<code>${one}</code>`)}</p>
    <div class="dialog-buttons"><button class="button primary small">${words.apply}</button></div>
  </form>`;
}
