// Elements. Text reaches the page through text nodes only, never as HTML. The page of nn/training has this file
// too.

function el(name, attributes, ...children) {
  const element = document.createElement(name);
  setAttributes(element, attributes);
  element.append(
      ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function svg(name, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  setAttributes(element, attributes);
  element.append(
      ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// A name that starts with "on" is an event; true stands for an attribute without a value, false and null for
// none.
function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on"))
      element.addEventListener(name.slice(2), value);
    else
      element.setAttribute(name, value === true ? "" : value);
  }
}

function clamp(value, low, high) { return Math.max(low, Math.min(high, value)); }

// What is read aloud but not seen.
function aloud(text) { return el("span", {class: "aloud"}, text); }
