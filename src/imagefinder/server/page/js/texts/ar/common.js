// Words that several views use.
import { apart, plural } from "./plural.js";

export const common = {
  cancel: "إلغاء",
  undo: "تراجع",
  close: "إغلاق",
  save: "حفظ",
  ok: "موافق",
  tryAgain: "حاول من جديد",
  loading: "يجري التحميل",
  remove: (name) => `إزالة ${apart(name)}`,
  byteUnits: ["بايت", "ك.بايت", "م.بايت", "غ.بايت", "ت.بايت"],
  underASecond: "أقل من ثانية",
  seconds: (s) => plural(s, { one: "ثانية واحدة", two: "ثانيتان", few: `${s} ثوانٍ`, other: `${s} ثانية` }),
  minutes: (min, s) => `${min} د${s ? ` و${s} ث` : ""}`,
  hours: (h, min) => `${h} س و${min} د`,
  page: (n) => `الصفحة ${n}`,
  noPictures: "لا توجد صور بعد",
  addPictures: "أضف صورًا",
};
