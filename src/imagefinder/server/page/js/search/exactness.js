// Whether a few of the best may be missing, and the way to compare with every picture.
import { html } from "../../vendor/preact.js";
import { Popover } from "../components/popover.js";
import { setParams } from "../state.js";
import { texts } from "../texts.js";

/** A quiet word beside how many were found; where all were compared without asking for it, the options say so. */
export function Exactness({ results, search }) {
  if (!search.exact && !results.exact && !results.approximate) return null;
  const { approximate, approximateTold, exact, exactTold, compareAll } = texts.search;
  const [word, told] = search.exact ? [exact, exactTold] : [approximate, approximateTold];
  const set = (event) => setParams({ exact: event.target.checked ? "1" : null }, { replace: true });
  return html`<${Popover} align="end" class="button small quiet" label=${told} testid="exactness" button=${word}>
    <div class="menu-body stack tight">
      <p class="muted small-text">${told}</p>
      <label class="check"><input type="checkbox" checked=${search.exact} onChange=${set} />${compareAll}</label>
    </div>
  <//>`;
}
