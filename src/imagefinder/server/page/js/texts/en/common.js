// Words that several views use.
export const common = {
  cancel: "Cancel",
  undo: "Undo",
};
