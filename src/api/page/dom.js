// Elements made of text and nodes alone: nothing that comes from the daemon is ever read as HTML.

// Said aloud, because a table that is laid out anew for a phone is none to some browsers.
const kRoles = { table: "table", thead: "rowgroup", tbody: "rowgroup", tr: "row", td: "cell" };
const kHeaders = { col: "columnheader", row: "rowheader" };

// h("button", {class: "plain", on: {click: f}}, "Pause", icon): an attribute that is null or false
// is left out, one that is true is there without a value.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  const role = tag === "th" ? kHeaders[attributes.scope] : kRoles[tag];
  if (role) element.setAttribute("role", role);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

// Sets a text where it is another, so that what reads aloud and what is selected stay in peace.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (value === null || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

// Makes the children of `parent` those of `items`, in their order. Those that were there before are
// kept (with focus and selection), and changed.
export function reconcile(parent, items, { key, make, change }) {
  const before = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let at = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let child = before.get(name);
    if (child) {
      before.delete(name);
    } else {
      child = make(item);
      child.dataset.key = name;
    }
    change(child, item);
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  }
  for (const child of before.values()) child.remove();
}

const kPaths = {
  copy: "M8 8h11v12H8z M16 8V4H5v12h3",
  close: "M6 6l12 12M18 6 6 18",
  pause: "M8 5v14M16 5v14",
  play: "M7 4.500v15l12-7.500z",
  plus: "M12 5v14M5 12h14",
};

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", kPaths[name]);
  svg.append(path);
  return svg;
}

// Tells those who hear the page what has just happened.
export function say(text) {
  setText(document.getElementById("say"), text);
}

// A button that copies a text, and says so.
export function copyButton(what, text) {
  const label = h("span", { class: "unseen" }, `Copy ${what}`);
  const button = h("button", { type: "button", class: "quiet square", title: `Copy ${what}` }, icon("copy"), label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.classList.add("done");
      say(`Copied ${what}.`);
      setTimeout(() => button.classList.remove("done"), 1500);
    } catch {
      say(`The browser does not let this page copy. Select ${what} and copy it by hand.`);
    }
  });
  return button;
}

// Puts the focus where it was; where that is gone, to `otherwise`.
export function focusAgain(element, otherwise) {
  const there = element && element !== document.body && element.checkVisibility();
  (there ? element : otherwise)?.focus();
}
