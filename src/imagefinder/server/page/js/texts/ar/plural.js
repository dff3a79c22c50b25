// Counting in Arabic: one and two have forms of their own, 3 to 10 take the plural, 11 to 99 the accusative, and from
// 100 on it is by the last two digits.
import { number } from "../../format.js";

const rules = new Intl.PluralRules("ar");

/** What belongs to a number, of `{ zero, one, two, few, many, other }`; where a form is not given, `other`. */
export const plural = (n, forms) => forms[rules.select(n)] ?? forms.other;

/**
 * A noun that is counted: `pictures(2)` is "صورتان", `pictures.of(2)` (after a preposition, or as an object) "صورتين".
 * @param {string} one with its number word
 * @param {string} two in the nominative
 */
function noun(one, two, few, many, other) {
  const said = (n, dual) => plural(n, { one, two: dual, few: `${number(n)} ${few}`, many: `${number(n)} ${many}`, other: `${number(n)} ${other}` });
  return Object.assign((n) => said(n, two), { of: (n) => said(n, two.replace(/ان(?= |$)/g, "ين")) });
}

export const pictures = noun("صورة واحدة", "صورتان", "صور", "صورة", "صورة");
export const newPictures = noun("صورة جديدة واحدة", "صورتان جديدتان", "صور جديدة", "صورة جديدة", "صورة جديدة");
export const groups = noun("مجموعة واحدة", "مجموعتان", "مجموعات", "مجموعة", "مجموعة");
export const newGroups = noun("مجموعة جديدة واحدة", "مجموعتان جديدتان", "مجموعات جديدة", "مجموعة جديدة", "مجموعة جديدة");
export const largerGroups = noun("مجموعة أكبر", "مجموعتان أكبر", "مجموعات أكبر", "مجموعة أكبر", "مجموعة أكبر");
export const families = noun("عائلة واحدة", "عائلتان", "عائلات", "عائلة", "عائلة");
export const parts = noun("جزء واحد", "جزآن", "أجزاء", "جزءًا", "جزء");
export const files = noun("ملف واحد", "ملفان", "ملفات", "ملفًا", "ملف");
export const sameFiles = noun("ملف متطابق واحد", "ملفان متطابقان", "ملفات متطابقة", "ملفًا متطابقًا", "ملف متطابق");
export const stars = noun("نجمة واحدة", "نجمتان", "نجوم", "نجمة", "نجمة");
export const changes = noun("تغيير واحد", "تغييران", "تغييرات", "تغييرًا", "تغيير");
export const copies = noun("نسخة واحدة", "نسختان", "نسخ", "نسخة", "نسخة");
export const pairs = noun("زوج واحد", "زوجان", "أزواج", "زوجًا", "زوج");
export const tasks = noun("مهمة واحدة", "مهمتان", "مهام", "مهمة", "مهمة");
export const sources = noun("مصدر واحد", "مصدران", "مصادر", "مصدرًا", "مصدر");
export const links = noun("رابط واحد", "رابطان", "روابط", "رابطًا", "رابط");
export const folders = noun("مجلد واحد", "مجلدان", "مجلدات", "مجلدًا", "مجلد");
export const kinds = noun("نوع واحد", "نوعان", "أنواع", "نوعًا", "نوع");
export const votes = noun("رأي واحد", "رأيان", "آراء", "رأيًا", "رأي");
export const queries = noun("استعلام واحد", "استعلامان", "استعلامات", "استعلامًا", "استعلام");
export const labels = noun("تسمية واحدة", "تسميتان", "تسميات", "تسمية", "تسمية");

/** A name, path or query that may be in any script, kept apart from the Arabic around it. */
export const apart = (text) => `\u2068${text}\u2069`;
export const quoted = (text) => `«${apart(text)}»`;
