// Figures of groups in plain words.
import { count } from "../format.js";
import { own } from "../table.js";

const TIGHTNESS = [[0.65, "nearly the same"], [0.5, "very alike"], [0.4, "alike"], [0.3, "loosely alike"], [-1, "mixed"]];
// The mean Jaccard overlap of resampled runs; 0.75 and 0.5 are the bounds of docs/clusters.md. The other bounds are ours.
const STABILITY = [[0.85, "very stable"], [0.75, "stable"], [0.5, "fairly stable"], [-1, "not stable"]];

const word = (steps, value) => steps.find(([least]) => value >= least)[1];

export const tightnessWord = (value) => word(TIGHTNESS, value);
export const stabilityWord = (value) => word(STABILITY, value);

/** The name of a method of clustering; `info` is the answer of `GET /v1/index`. */
export const methodName = (info, method) => own(info?.clusterers, method)?.title ?? method;

/** Where a group has other images now than when it was measured: on how many that was. */
export const measuredOn = ({ size, measured }) => (measured != null && measured !== size ? `measured on ${count(measured, "image")}` : "");

export const NO_GROUP = -1;
export const NO_GROUP_NAME = "In no group";
export const groupHref = (label) => `/groups/${label}`;
