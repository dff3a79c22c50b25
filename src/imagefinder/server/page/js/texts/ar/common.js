// Words that several views use.
export const common = {
  cancel: "إلغاء",
  undo: "تراجع",
};
