// The API key that a person types: kept in sessionStorage, so in this tab and until it is closed.

import { $, say } from "./dom.js";

const STORED = "api-key";

export const apiKey = () => sessionStorage.getItem(STORED) ?? "";

/** Open the place to type a key, for who needs one. */
export function askForKey() {
  $("key-box").open = true;
  $("key").focus();
}

/** Whether there is a key; if not, `place` says what needs one, and it is asked for. */
export function hasKeyFor(what, place) {
  say(place);
  if (apiKey()) return true;
  say(place, `${what} needs an API key: type it in above.`);
  askForKey();
  return false;
}

/** Wire the form up; `changed` is called when there is another key, or none. */
export function startKey(changed) {
  const show = () => {
    $("key-state").textContent = apiKey() ? ": set" : "";
    $("key-forget").hidden = !apiKey();
  };
  $("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const key = $("key").value.trim();
    // Anything else cannot stand in a header.
    if (!/^[\x21-\x7e]+$/.test(key)) {
      say($("key-said"), "Type a key: letters, digits and signs, without spaces.");
      return;
    }
    sessionStorage.setItem(STORED, key);
    $("key").value = "";
    say($("key-said"), "This key is used from now on.");
    show();
    changed();
  });
  $("key-forget").addEventListener("click", () => {
    sessionStorage.removeItem(STORED);
    say($("key-said"), "The key is forgotten.");
    show();
    changed();
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && $("key-box").contains(document.activeElement)) {
      $("key-box").open = false;
      $("key-box").querySelector("summary").focus();
    }
  });
  show();
}
