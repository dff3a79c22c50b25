// Figures of groups in plain words.
import { own } from "../table.js";
import { texts } from "../texts.js";

const t = texts.groups;
const TIGHTNESS = [0.65, 0.5, 0.4, 0.3, -1];
// The mean Jaccard overlap of resampled runs; 0.75 and 0.5 are the bounds of docs/clusters.md. The other bounds are ours.
const STABILITY = [0.85, 0.75, 0.5, -1];
const GROWN = 1.1; // times as many images as were measured: what was found of stability then says too little

const word = (steps, words, value) => words[steps.findIndex((least) => value >= least)];

export const tightnessWord = (value) => word(TIGHTNESS, t.tightness, value);
export const stabilityWord = (value) => word(STABILITY, t.stability, value);

/** The name of a method of clustering; `info` is the answer of `GET /v1/index`. */
export const methodName = (info, method) => own(info?.clusterers, method)?.title ?? method;

/** Whether so many images came into a group that its stability is no longer known. */
export const hasGrown = ({ size, measured }) => measured != null && size > measured * GROWN;

/** Where a group has other images now than when it was measured: on how many that was. */
export function measuredOn({ size, measured }) {
  if (measured == null || measured === size) return "";
  return size > measured ? t.notMeasured(size - measured) : t.measuredOn(measured);
}

export const NO_GROUP = -1;
export const NO_GROUP_NAME = t.notGrouped;
export const groupHref = (label) => `/groups/${label}`;
