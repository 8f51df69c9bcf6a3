// The list of templates and snapshots.
import { h, reconcile, setAttribute, setText } from "./dom.js";
import { askRemove, askUpload } from "./forms.js";
import { age, bytes, counted } from "./format.js";

export class Templates {
  element;
  #model;
  #create;
  #heading = h("h1", { tabindex: "-1" }, "Templates and snapshots");
  #sum = h("p", { class: "sum" });
  #body = h("tbody");
  #table;
  #note = h("div", { class: "empty" }, h("h2", {}, "No templates yet"), h("p", {}, "An image with a name that never changes: what sandboxes are made of. Upload one, or on the host:"), h("pre", {}, "veneer template import debian debian.img"));

  // `create(name)` asks for a sandbox of that template.
  constructor(model, create) {
    this.#model = model;
    this.#create = create;
    const upload = h("button", { type: "button", class: "primary" }, "Upload an image");
    upload.addEventListener("click", () => askUpload(model, () => this.#heading));
    const columns = [["Name", ""], ["Kind", "wide"], ["Size", "end"], ["On this host", "wide end"], ["Sandboxes", "wide end"], ["Digest", "wide"], ["Age", "wide end"]];
    this.#table = h(
      "table",
      { class: "list" },
      h("caption", { class: "unseen" }, "Templates and snapshots"),
      h("thead", {}, h("tr", {}, columns.map(([name, kind]) => h("th", { scope: "col", class: kind }, name)), h("td", {}, h("span", { class: "unseen" }, "Use or remove")))),
      this.#body,
    );
    this.element = h("section", { "aria-label": "Templates and snapshots" }, h("div", { class: "head" }, h("div", {}, this.#heading, this.#sum), upload), this.#table, this.#note);
  }

  focus() {
    this.#heading.focus();
  }

  update() {
    const all = [...this.#model.templates.values()].sort((one, other) => one.name.localeCompare(other.name, "en", { numeric: true }));
    const used = new Map();
    for (const sandbox of this.#model.sandboxes.values()) used.set(sandbox.template, (used.get(sandbox.template) ?? 0) + 1);
    this.#table.hidden = all.length === 0;
    this.#note.hidden = all.length > 0 || !this.#model.loaded;
    setText(this.#sum, all.length === 0 ? "" : `${counted(all.length, "template", "templates")}, ${bytes(all.reduce((sum, each) => sum + each.used_bytes, 0))} on this host`);
    reconcile(this.#body, all, { key: (each) => each.id, make: (each) => this.#makeRow(each), change: (row, each) => this.#changeRow(row, each, used.get(each.name) ?? 0) });
  }

  #makeRow(template) {
    const current = () => this.#model.templates.get(template.id) ?? template;
    const use = h("button", { type: "button" }, "Use", h("span", { class: "unseen" }, ` ${template.name}`));
    const remove = h("button", { type: "button", class: "danger-quiet" }, "Remove…", h("span", { class: "unseen" }, ` ${template.name}`));
    use.addEventListener("click", () => this.#create(template.name));
    remove.addEventListener("click", () => askRemove(this.#model, current(), () => this.#heading));
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, h("span", { class: "name" }, template.name), h("span", { class: "sub" })),
      h("td", { class: "wide" }),
      h("td", { class: "end" }),
      h("td", { class: "wide end" }),
      h("td", { class: "wide end" }),
      h("td", { class: "wide mono" }),
      h("td", { class: "wide end" }),
      h("td", { class: "act" }, h("div", { class: "row end" }, use, remove)),
    );
  }

  #changeRow(row, template, sandboxes) {
    const [name, kind, size, used, count, digest, old] = row.children;
    const source = template.made_from ? this.#model.nameOf(template.made_from) : "";
    setText(name.lastElementChild, source ? `of ${source}` : template.boots ? "boots" : template.id);
    setText(kind, template.boots ? `${template.kind}, boots` : template.kind);
    setText(size, bytes(template.size));
    setText(used, bytes(template.used_bytes));
    setText(count, String(sandboxes));
    setText(digest, template.digest.slice(7, 19));
    setAttribute(digest, "title", template.digest);
    setText(old, age(template.created_at));
  }
}
