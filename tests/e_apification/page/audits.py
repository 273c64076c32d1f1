"""Questions about accessibility that the page answers itself, as JavaScript."""

# A name for each control, one main, one visible h1, no id twice, references that lead somewhere,
# no order of its own for the Tab key, headings in tables.
AUDIT = """() => {
  const seen = (el) => el.checkVisibility();
  const name = (el) => (el.labels?.length ? [...el.labels].map((l) => l.innerText).join(" ") : "")
    || el.getAttribute("aria-label") || el.innerText || el.title;
  const all = (query) => [...document.querySelectorAll(query)];
  const ids = all("[id]").map((el) => el.id);
  const refs = all("[aria-labelledby],[aria-describedby]").flatMap((el) =>
    [el.getAttribute("aria-labelledby"), el.getAttribute("aria-describedby")].filter(Boolean));
  return {
    unnamed: all("input,select,textarea,button,a,progress:not([aria-hidden]),nav,[role=region]")
      .filter((el) => seen(el) && !name(el)?.trim()).map((el) => el.outerHTML),
    mains: all("main").length,
    headings: all("h1").filter(seen).length,
    twice: ids.filter((id, index) => ids.indexOf(id) !== index),
    lost: refs.filter((id) => !document.getElementById(id)),
    tabindex: all("[tabindex]").filter((el) => el.tabIndex > 0).length,
    headless: all("table")
      .filter((el) => seen(el) && !(el.caption && el.querySelector("th[scope]"))).length,
    language: document.documentElement.lang,
  };
}"""
# Contrast of each visible piece of text with what lies behind it, by WCAG's formula.
CONTRAST = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b]
    .map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (el) => {
    const layers = [];
    for (let at = el; at; at = at.parentElement)
      layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, [r, g, b, a]) =>
      under.map((v, i) => v + ([r, g, b][i] - v) * (a / 255)), [255, 255, 255]);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const poor = [];
  for (let node; (node = walker.nextNode()); ) {
    const el = node.parentElement;
    if (!node.data.trim() || !el.checkVisibility()) continue;
    if (el.closest(":disabled, noscript, option")) continue;
    const [a, b] = [light(rgba(getComputedStyle(el).color)), light(behind(el))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${node.data.trim()}`);
  }
  return poor;
}"""
