// The timeline of an operation: a bar for each step, with its milliseconds, as it happens.
import { h, reconcile, setAttribute, setText } from "./dom.js";
import { duration } from "./format.js";
import { layOut } from "./flows.js";

const kWords = { running: "under way", done: "done", failed: "failed", lost: "ended unheard" };

export class Timeline {
  element = h("div", { class: "timeline" });
  #title = h("span", { class: "timeline-verb" });
  #total = h("span", { class: "timeline-total" });
  #steps = h("ol", { class: "steps" });
  #rest = h("li", { class: "step pending" }, h("span", { class: "step-name" }, "working"), this.#track(), h("span", { class: "step-took" }, "…"));
  #flow = null;
  #timer = null;

  constructor() {
    this.element.append(h("p", { class: "timeline-head" }, this.#title, this.#total), this.#steps);
  }

  #track() {
    return h("span", { class: "step-track", "aria-hidden": "true" }, h("span", { class: "step-bar" }));
  }

  show(flow) {
    this.#flow = flow;
    this.element.hidden = flow === null;
    clearInterval(this.#timer);
    if (flow === null) return;
    if (flow.state === "running") this.#timer = setInterval(() => this.#draw(), 100);
    this.#draw();
  }

  #draw() {
    const flow = this.#flow;
    if (flow.state !== "running" || !this.element.isConnected) clearInterval(this.#timer);
    const elapsed = flow.state === "running" ? performance.now() - flow.began : 0;
    const { rows, whole, rest, at } = layOut(flow, elapsed);
    setAttribute(this.element, "data-state", flow.state);
    setText(this.#title, `${flow.verb} ${kWords[flow.state]}`);
    setText(this.#total, duration(flow.took ?? whole));
    this.#rest.remove();
    const longest = Math.max(...rows.map((row) => row.took));
    reconcile(this.#steps, rows, {
      key: (row) => row.name,
      make: () => h("li", {}, h("span", { class: "step-name" }), this.#track(), h("span", { class: "step-took" })),
      change: (item, row) => {
        const [name, track, took] = item.children;
        const kind = row.failed ? " failed" : row.name === "held" ? " within" : row.took === longest ? " longest" : "";
        setAttribute(item, "class", `step${kind}`);
        setText(name, row.count > 1 ? `${row.name} ×${row.count}` : row.name);
        setText(took, duration(row.took));
        this.#place(track.firstElementChild, row.begin, row.length);
      },
    });
    if (flow.state !== "running") return;
    this.#steps.append(this.#rest);
    this.#place(this.#rest.children[1].firstElementChild, at, rest);
  }

  #place(bar, begin, length) {
    bar.style.left = `${begin * 100}%`;
    bar.style.width = `${length * 100}%`;
  }
}
