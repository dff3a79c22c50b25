// Words that several views use.
export const common = {
  cancel: "Cancel",
  undo: "Undo",
  close: "Close",
  save: "Save",
  ok: "OK",
  tryAgain: "Try again",
  loading: "Loading",
  remove: (name) => `Remove ${name}`,
  byteUnits: ["bytes", "kB", "MB", "GB", "TB"],
  underASecond: "under a second",
  seconds: (s) => `${s} s`,
  minutes: (min, s) => `${min} min${s ? ` ${s} s` : ""}`,
  hours: (h, min) => `${h} h ${min} min`,
  page: (n) => `page ${n}`,
  noPictures: "There are no pictures yet",
  addPictures: "Add pictures",
};
