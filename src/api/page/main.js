// The page: one address, three views, one sandbox beside the list. Composes the rest.
import * as api from "./api.js";
import { Detail } from "./detail.js";
import { field, problemBox } from "./dialogs.js";
import { h, setAttribute, setText } from "./dom.js";
import { EventStream } from "./events.js";
import { decoded, number } from "./format.js";
import { inWords, Log } from "./log.js";
import { Model } from "./model.js";
import { Sandboxes } from "./sandboxes.js";
import { Templates } from "./templates.js";

const main = document.getElementById("main");
const link = document.getElementById("link");
const banner = document.getElementById("banner");

api.takeTokenFromAddress();
const model = new Model();
const stream = new EventStream((event) => model.hear(event), connection);

const go = (hash) => {
  if (location.hash === hash) route();
  else location.hash = hash;
};
const open = (id) => go(`#/sandboxes/${id}`);
const detail = new Detail(model, () => {
  const id = location.hash.split("/")[2];
  go("#/sandboxes");
  (document.querySelector(`tr[data-key="${CSS.escape(id ?? "")}"] a`) ?? main).focus();
});
const sandboxes = new Sandboxes(model, open, (id, problem) => {
  detail.report(id, problem);
  open(id);
});
const views = {
  sandboxes: { title: "Sandboxes", view: sandboxes, count: () => model.sandboxes.size },
  templates: {
    title: "Templates",
    view: new Templates(model, (name) => sandboxes.create(name)),
    count: () => model.templates.size,
  },
  events: { title: "Events", view: new Log(model), count: () => null },
};

const links = Object.entries(views).map(([name, { title }]) =>
  h("a", { href: `#/${name}`, "data-view": name }, title, h("span", { class: "count" })),
);
document.getElementById("views").append(...links);

let state = "wait";
let shown = null;

function route() {
  const [, name, id] = location.hash.split("/");
  const view = views[name] ? name : "sandboxes";
  document.title = `${views[view].title} · Veneer`;
  for (const each of links) setAttribute(each, "aria-current", each.dataset.view === view ? "page" : null);
  if (!main.querySelector(".signin") && shown !== view) {
    main.replaceChildren(views[view].view.element, ...(view === "sandboxes" ? [detail.element] : []));
    if (shown !== null) views[view].view.focus();
    shown = view;
  }
  const chosen = view === "sandboxes" && id ? decoded(id) : null;
  setAttribute(document.body, "data-detail", chosen ? "open" : null);
  detail.show(chosen);
  update();
}

function update() {
  if (model.problem?.status === 401) return signIn();
  for (const each of links) {
    const count = views[each.dataset.view].count();
    setText(each.lastElementChild, count === null || !model.loaded ? "" : ` ${number(count)}`);
  }
  if (shown) views[shown].view.update();
  if (shown === "sandboxes") detail.update();
  const last = model.log.findLast((event) => event.type !== "step");
  const words = last ? inWords(last, (id) => model.nameOf(id)) : null;
  setText(document.getElementById("latest"), words ? [words.what, words.more].filter(Boolean).join(": ") : "");
  setText(document.getElementById("version"), model.abilities ? `veneer ${model.abilities.version}` : "");
  showBanner();
  return undefined;
}

// What keeps the page from knowing how things are.
function showBanner() {
  const { problem } = model;
  setAttribute(document.body, "data-stale", problem ? "true" : null);
  const text = problem?.detail ?? "";
  if (banner.dataset.text === text) return;
  banner.dataset.text = text;
  banner.replaceChildren();
  if (!problem) return;
  const again = h("button", { type: "button" }, "Try now");
  again.addEventListener("click", connect);
  const detail = model.loaded ? `${problem.detail} What is shown is as it was.` : problem.detail;
  banner.append(h("div", { class: "banner" }, problemBox({ ...problem, detail }), again));
}

const kLinkWords = { wait: "connecting", live: "live", cut: "not connected", refused: "no access" };

function connection(now) {
  if (now === state && now !== "cut") return;
  const before = state;
  state = now;
  setAttribute(link, "data-state", now);
  setText(link, kLinkWords[now]);
  if (now === "live" && before !== "live") model.look();
  if (now === "cut") model.look();
  update();
}

function connect() {
  stream.start();
  model.look();
}

// Asks for the token that everything but this page itself needs over TCP.
function signIn() {
  if (main.querySelector(".signin")) return;
  shown = null;
  setAttribute(document.body, "data-detail", null);
  const tried = api.token() !== null;
  api.forgetToken();
  const secret = h("input", { type: "password", name: "token", autocomplete: "off", required: true, class: "mono" });
  const trouble = h("div", { class: "trouble" });
  if (tried) {
    trouble.append(problemBox({ detail: "The daemon does not know this token.", hint: "Copy the one line of the token file, without anything before or behind it." }));
  }
  const form = h(
    "form",
    { class: "signin" },
    h("h1", {}, "This daemon asks for its token"),
    h("p", {}, "It is the one line of a file that only its owner can read:"),
    h("pre", {}, "cat /var/lib/veneer/api.token"),
    field("Token", secret, "Kept for this tab alone, until it is closed"),
    trouble,
    h("div", { class: "row end" }, h("button", { type: "submit", class: "primary" }, "Continue")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    api.keepToken(secret.value.trim());
    begin();
  });
  main.replaceChildren(form);
  secret.focus();
}

// From the start, with the token that there is now.
function begin() {
  model.problem = null;
  main.querySelector(".signin")?.remove();
  route();
  connect();
}

window.addEventListener("hashchange", () => {
  if (api.takeTokenFromAddress()) begin();
  else route();
});
// Nobody looks: nothing is asked. Events go on.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) model.rest();
  else model.wake();
});
model.watch(update);
setInterval(() => {
  if (!document.hidden && model.loaded) model.changed(); // ages
}, 10_000);
setText(link, kLinkWords.wait);
begin();
