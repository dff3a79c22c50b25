// Light, dark, or as the system says (early.js applies a kept choice before the first paint).
import { store } from "./store.js";

const read = () => document.documentElement.dataset.theme ?? "system";

/** @type {ReturnType<typeof store<"system" | "light" | "dark">>} */
export const theme = store(read());

theme.watch((name) => {
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  try {
    if (name === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", name);
  } catch {}
});

export const nextTheme = () => theme.set((name) => ({ system: "light", light: "dark", dark: "system" })[name]);
