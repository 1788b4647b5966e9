// What the window is made of. Text from outside goes in as text, never as HTML.

/** An element with attributes and children; a name that begins with `on` is a listener. */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A drawing of lines on 24 by 24. */
function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" })) {
    svg.setAttribute(name, value);
  }
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

const ICONS = {
  chat: "M20 11.5a7.5 7.5 0 0 1-7.5 7.5c-1.2 0-2.4-.3-3.4-.8L4 20l1.6-4.4A7.5 7.5 0 1 1 20 11.5Z",
  close: "M6 6l12 12M18 6L6 18",
  clip: "M20 11.6l-8.1 8.1a5 5 0 0 1-7.1-7.1l8.6-8.5a3.4 3.4 0 0 1 4.8 4.7l-8.6 8.6a1.7 1.7 0 0 1-2.4-2.4l7.9-7.9",
  send: "M5 12h14M13 6l6 6-6 6",
  file: "M14 3H7a1 1 0 0 0-1 1v16a1 1 0 0 0 1 1h10a1 1 0 0 0 1-1V7zM14 3v4h4",
};

/** A text with the web addresses in it to click. */
function linked(text) {
  const parts = [];
  let from = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"'，。！？；：、（）《》【】“”]+/gi)) {
    const address = match[0].replace(/[.,!?;:)\]}]+$/, "");
    if (!URL.canParse(address)) continue;
    parts.push(text.slice(from, match.index));
    parts.push(element("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow ugc" }, address));
    from = match.index + address.length;
  }
  return [...parts, text.slice(from)];
}

/** 1.5 MB */
function size(bytes) {
  const units = ["B", "kB", "MB"];
  let unit = 0;
  let number = bytes;
  while (number >= 1000 && unit < 2) {
    number /= 1000;
    unit++;
  }
  return `${unit && number < 10 ? number.toFixed(1) : Math.round(number)} ${units[unit]}`;
}

/** Black or white, whichever is easier to read on a colour (WCAG 2.2, relative luminance). */
function ink(colour) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#111" : "#fff";
}

/** The text of a map from languages to texts. */
function inLanguage(texts, language) {
  return texts[language] || texts[language.split("-")[0]] || texts.en || Object.values(texts)[0] || "";
}
