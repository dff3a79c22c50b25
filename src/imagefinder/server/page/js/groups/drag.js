// Dragging covers onto covers and pictures onto groups. All of it can be done without dragging too.
import { useState } from "../../vendor/preact.js";

const GROUP = "application/x-imagefinder-group";
const IMAGES = "application/x-imagefinder-images";

const start = (type, value) => (event) => {
  event.dataTransfer.clearData(); // a link carries its address, which the search would take for a picture
  event.dataTransfer.setData(type, JSON.stringify(value));
  event.dataTransfer.effectAllowed = "move";
};
export const startGroup = (label) => start(GROUP, label);
export const startImages = (event, ids) => start(IMAGES, ids)(event);

/**
 * Handlers for a place where groups or pictures may be dropped.
 *
 * @param {{onGroup?: (label: number) => void, onImages?: (ids: string[]) => void}} takes
 * @returns {[boolean, object]} whether something that may be dropped is over it, and the handlers
 */
export function useDrop({ onGroup, onImages }) {
  const [over, setOver] = useState(false);
  const type = (event) => [onGroup && GROUP, onImages && IMAGES].find((one) => one && event.dataTransfer.types.includes(one));
  const handlers = {
    onDragOver: (event) => {
      if (!type(event)) return;
      event.preventDefault();
      setOver(true);
    },
    onDragLeave: (event) => event.currentTarget.contains(event.relatedTarget) || setOver(false),
    onDrop: (event) => {
      const found = type(event);
      setOver(false);
      if (!found) return;
      event.preventDefault();
      (found === GROUP ? onGroup : onImages)(JSON.parse(event.dataTransfer.getData(found)));
    },
  };
  return [over, handlers];
}
