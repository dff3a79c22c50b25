// Runs before the first paint, so that a page kept dark doesn't flash light. Private windows may refuse storage.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {}
