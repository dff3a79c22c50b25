// Wörter, die mehrere Ansichten brauchen.
export const common = {
  cancel: "Abbrechen",
  undo: "Rückgängig",
  close: "Schließen",
  save: "Speichern",
  ok: "OK",
  tryAgain: "Noch einmal versuchen",
  loading: "Wird geladen",
  remove: (name) => `${name} entfernen`,
  byteUnits: ["Byte", "kB", "MB", "GB", "TB"],
  underASecond: "unter einer Sekunde",
  seconds: (s) => `${s} s`,
  minutes: (min, s) => `${min} min${s ? ` ${s} s` : ""}`,
  hours: (h, min) => `${h} h ${min} min`,
  page: (n) => `Seite ${n}`,
  noPictures: "Es gibt noch keine Bilder",
  addPictures: "Bilder hinzufügen",
};
