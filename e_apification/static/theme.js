// Light or dark: the system's choice until the button says otherwise. No module, and loaded before
// the page is drawn, so that a dark page does not flash up light.
"use strict";
{
  const STORED = "theme";
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const shown = () => root.dataset.theme ?? (dark.matches ? "dark" : "light");

  const stored = () => {
    try {
      return localStorage.getItem(STORED);
    } catch {
      return null; // storage can be switched off
    }
  };

  const keep = (theme) => {
    try {
      localStorage.setItem(STORED, theme);
    } catch {
      // the choice then lasts until the page is left
    }
  };

  if (["light", "dark"].includes(stored())) root.dataset.theme = stored();

  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const say = () => {
      const other = shown() === "dark" ? "Light" : "Dark";
      button.textContent = other;
      button.setAttribute("aria-label", `${other} colours`);
    };
    button.addEventListener("click", () => {
      root.dataset.theme = shown() === "dark" ? "light" : "dark";
      keep(root.dataset.theme);
      say();
    });
    dark.addEventListener("change", say);
    button.hidden = false;
    say();
  });
}
