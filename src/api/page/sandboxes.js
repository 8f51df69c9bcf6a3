// The list of sandboxes: filtered, ordered, one page of it at a time however many there are.
import { h, icon, reconcile, say, setAttribute, setText } from "./dom.js";
import { select } from "./dialogs.js";
import { askCreate, askUpload } from "./forms.js";
import { age, bytes, counted, number } from "./format.js";
import { canTurn, turn } from "./turn.js";

const kPage = 50;

const kOrders = {
  newest: ["Newest first", (one, other) => other.created_at.localeCompare(one.created_at)],
  oldest: ["Oldest first", (one, other) => one.created_at.localeCompare(other.created_at)],
  name: ["By name", (one, other) => one.name.localeCompare(other.name, "en", { numeric: true })],
  changed: ["Most changed", (one, other) => other.changed_bytes - one.changed_bytes],
  used: ["Most used", (one, other) => other.used_bytes - one.used_bytes],
};
const kFilters = { all: "All", running: "Running", paused: "Paused", failed: "Failed" };

export const stateBadge = () => h("span", { class: "state" });
export function showState(badge, state) {
  setAttribute(badge, "data-state", state);
  setText(badge, state);
}

// A little is to be seen, nothing is not.
export function showPart(bar, value, whole) {
  bar.style.width = `${Math.min(100, (100 * value) / Math.max(whole, 1))}%`;
  bar.classList.toggle("some", value > 0);
}

// Changed and used of the virtual size, as one bar.
export const usageBar = () => h("span", { class: "bar", "aria-hidden": "true" }, h("span", { class: "bar-used" }), h("span", { class: "bar-changed" }));
export function showUsage(bar, sandbox) {
  showPart(bar.children[0], sandbox.used_bytes, sandbox.size);
  showPart(bar.children[1], sandbox.changed_bytes, sandbox.size);
}

export class Sandboxes {
  element;
  #model;
  #open;
  #report;
  #page = 0;
  #state = "all";
  #heading = h("h1", { tabindex: "-1" }, "Sandboxes");
  #sum = h("p", { class: "sum" });
  #search = h("input", { type: "search", placeholder: "Filter by name, id, template, path", "aria-label": "Filter", autocomplete: "off", spellcheck: "false" });
  #order = select("order", Object.entries(kOrders).map(([key, [text]]) => [key, text]), "newest");
  #filters = h("div", { class: "filters", role: "group", "aria-label": "State" });
  #body = h("tbody");
  #table;
  #note = h("div", { class: "empty" });
  #noteKind = "";
  #range = h("p", {});
  #back = h("button", { type: "button" }, "Previous");
  #forth = h("button", { type: "button" }, "Next");
  #pager;

  // `open(id)` shows one; `report(id, problem)` hears of what a row's button could not do.
  constructor(model, open, report) {
    this.#model = model;
    this.#open = open;
    this.#report = report;
    this.#order.setAttribute("aria-label", "Order");
    const create = h("button", { type: "button", class: "primary" }, icon("plus"), "New sandbox");
    create.addEventListener("click", () => this.create());
    const columns = [["Name", ""], ["State", ""], ["Template", "wide"], ["Backend", "wide"], ["Changed of virtual", "usage"], ["Used", "wide end"], ["Age", "wide end"]];
    this.#table = h(
      "table",
      { class: "list" },
      h("caption", { class: "unseen" }, "Sandboxes"),
      h("thead", {}, h("tr", {}, columns.map(([name, kind]) => h("th", { scope: "col", class: kind }, name)), h("td", {}, h("span", { class: "unseen" }, "Pause or resume")))),
      this.#body,
    );
    this.#pager = h("div", { class: "pager" }, this.#range, h("div", { class: "row" }, this.#back, this.#forth));
    this.element = h(
      "section",
      { class: "sandboxes", "aria-label": "Sandboxes" },
      h("div", { class: "head" }, h("div", {}, this.#heading, this.#sum), create),
      h("div", { class: "tools" }, this.#search, this.#filters, this.#order),
      this.#table,
      this.#note,
      this.#pager,
    );
    this.#search.addEventListener("input", () => this.#turn(0));
    this.#order.addEventListener("change", () => this.#turn(0));
    this.#back.addEventListener("click", () => this.#turn(this.#page - 1));
    this.#forth.addEventListener("click", () => this.#turn(this.#page + 1));
  }

  focus() {
    this.#heading.focus();
  }

  create(chosen) {
    if (this.#model.loaded && this.#model.templates.size === 0) return this.#upload();
    return askCreate(this.#model, { chosen, open: this.#open, otherwise: () => this.#heading });
  }

  #upload() {
    askUpload(this.#model, () => this.#heading);
  }

  #turn(page) {
    this.#page = page;
    this.update();
    say(this.#range.textContent);
  }

  #matching() {
    const words = this.#search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (each) => {
      const text = `${each.name} ${each.id} ${each.template} ${each.backend} ${each.path ?? ""}`.toLowerCase();
      return words.every((word) => text.includes(word));
    };
    return [...this.#model.sandboxes.values()].filter(fits);
  }

  update() {
    const found = this.#matching();
    const shown = found.filter((each) => this.#state === "all" || each.state === this.#state).sort(kOrders[this.#order.value][1]);
    const last = Math.max(0, Math.ceil(shown.length / kPage) - 1);
    this.#page = Math.min(Math.max(this.#page, 0), last);
    const first = this.#page * kPage;
    const rows = shown.slice(first, first + kPage);
    this.#showFilters(found);
    this.#showSum();
    reconcile(this.#body, rows, { key: (each) => each.id, make: (each) => this.#makeRow(each), change: (row, each) => this.#changeRow(row, each) });
    this.#table.hidden = rows.length === 0;
    this.#showNote(rows.length === 0);
    this.#pager.hidden = shown.length <= kPage;
    setText(this.#range, `${number(first + 1)}–${number(first + rows.length)} of ${number(shown.length)}`);
    this.#back.disabled = this.#page === 0;
    this.#forth.disabled = this.#page === last;
  }

  #showFilters(found) {
    reconcile(this.#filters, Object.keys(kFilters), {
      key: (state) => state,
      make: (state) => {
        const button = h("button", { type: "button" }, kFilters[state], h("span", { class: "count" }));
        button.addEventListener("click", () => {
          this.#state = state;
          this.#turn(0);
        });
        return button;
      },
      change: (button, state) => {
        setAttribute(button, "aria-pressed", state === this.#state);
        const count = state === "all" ? found.length : found.filter((each) => each.state === state).length;
        setText(button.lastElementChild, this.#model.loaded ? ` ${number(count)}` : "");
      },
    });
  }

  #showSum() {
    const all = [...this.#model.sandboxes.values()];
    const sum = (name) => bytes(all.reduce((total, each) => total + each[name], 0));
    setText(this.#sum, all.length === 0 ? "" : `${counted(all.length, "disk", "disks")} of ${sum("size")} in all, ${sum("changed_bytes")} changed, ${sum("used_bytes")} on this host`);
  }

  #makeRow(sandbox) {
    const name = h("a", { href: `#/sandboxes/${sandbox.id}` }, h("span", { class: "name" }), h("span", { class: "sub" }, sandbox.id));
    const button = h("button", { type: "button", class: "quiet square" });
    button.addEventListener("click", () => this.#toggle(sandbox.id));
    const row = h(
      "tr",
      {},
      h("th", { scope: "row" }, name),
      h("td", { class: "state-cell" }, stateBadge()),
      h("td", { class: "wide template" }),
      h("td", { class: "wide" }),
      h("td", { class: "usage" }, h("div", {}, usageBar(), h("span", { class: "figures" }))),
      h("td", { class: "wide end" }),
      h("td", { class: "wide end" }),
      h("td", { class: "act" }, button),
    );
    row.addEventListener("click", (event) => {
      if (!event.target.closest("a, button") && !String(window.getSelection())) this.#open(sandbox.id);
    });
    return row;
  }

  #changeRow(row, sandbox) {
    const [name, state, template, backend, usage, used, old, act] = row.children;
    const now = this.#model.stateOf(sandbox);
    setText(name.querySelector(".name"), sandbox.name);
    name.querySelector(".sub").hidden = sandbox.name === sandbox.id;
    setAttribute(row, "aria-current", location.hash === `#/sandboxes/${sandbox.id}` ? "true" : null);
    showState(state.firstElementChild, now);
    setText(template, sandbox.template);
    setText(backend, sandbox.export === "nbd" ? `${sandbox.backend}, nbd` : sandbox.backend);
    const [bar, figures] = usage.firstElementChild.children;
    setText(figures, `${bytes(sandbox.changed_bytes)} of ${bytes(sandbox.size)}`);
    showUsage(bar, sandbox);
    setText(used, bytes(sandbox.used_bytes));
    setText(old, age(sandbox.created_at));
    setAttribute(old, "title", sandbox.created_at);
    this.#changeButton(act.firstElementChild, sandbox, now);
  }

  #changeButton(button, sandbox, now) {
    const verb = sandbox.state === "running" ? "pause" : "resume";
    const still = now === "running" || now === "paused";
    setAttribute(button, "aria-disabled", still ? null : "true");
    button.hidden = sandbox.state === "failed";
    if (button.dataset.verb === verb && button.dataset.name === sandbox.name) return;
    Object.assign(button.dataset, { verb, name: sandbox.name });
    const label = `${verb === "pause" ? "Pause" : "Resume"} ${sandbox.name}`;
    setAttribute(button, "title", label);
    button.replaceChildren(icon(verb === "pause" ? "pause" : "play"), h("span", { class: "unseen" }, label));
  }

  async #toggle(id) {
    if (!canTurn(this.#model, id)) return;
    try {
      await turn(this.#model, id);
    } catch (problem) {
      this.#report(id, problem);
    }
  }

  // What stands where no rows are: loading, nothing there yet, nothing that fits.
  #showNote(wanted) {
    const kind = !wanted ? "" : !this.#model.loaded ? "loading" : this.#model.sandboxes.size > 0 ? "none fits" : this.#model.templates.size > 0 ? "none" : "nothing";
    this.#note.hidden = kind === "";
    if (kind === this.#noteKind) return;
    this.#noteKind = kind;
    const notes = { loading: () => this.#loading(), "none fits": () => this.#noneFits(), none: () => this.#none(), nothing: () => this.#nothing() };
    this.#note.replaceChildren(...(notes[kind]?.() ?? []));
  }

  #loading() {
    return [h("p", { class: "unseen" }, "Loading"), ...Array.from({ length: 6 }, () => h("div", { class: "skeleton", "aria-hidden": "true" }))];
  }

  #noneFits() {
    const clear = h("button", { type: "button" }, "Show all");
    clear.addEventListener("click", () => {
      this.#search.value = "";
      this.#state = "all";
      this.#turn(0);
      this.#search.focus();
    });
    return [h("h2", {}, "None of the sandboxes fits"), h("p", {}, "Neither name, id, template nor path has these words, in this state."), clear];
  }

  #none() {
    const create = h("button", { type: "button", class: "primary" }, "New sandbox");
    create.addEventListener("click", () => this.create());
    return [h("h2", {}, "No sandboxes yet"), h("p", {}, "A sandbox is a disk of its own over a template. It takes no room until something is written, and is there in milliseconds."), create];
  }

  #nothing() {
    const upload = h("button", { type: "button", class: "primary" }, "Upload an image");
    upload.addEventListener("click", () => this.#upload());
    return [
      h("h2", {}, "Nothing here yet"),
      h("p", {}, "Sandboxes are made of templates: images with a name that never change. Upload one, or on the host:"),
      h("pre", {}, "veneer template import debian debian.img"),
      upload,
    ];
  }
}
