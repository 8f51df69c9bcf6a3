// The log of events: what happened at the daemon since the page has been open, in words.
import { check } from "./dialogs.js";
import { h, reconcile, setText } from "./dom.js";
import { clock, duration } from "./format.js";

const kShown = 200;

// A line of the log: {kind, what, more}.
export function inWords({ type, data }, nameOf) {
  if (type === "missed") return { kind: "note", what: "Some events are gone: everything was looked at anew.", more: "" };
  if (type === "watch") return { kind: "warn", what: `${data.watch}: ${nameOf(data.object)}`, more: data.detail };
  if (type === "step") {
    const failed = data.outcome === "done" ? "" : ` failed: ${data.outcome}`;
    return { kind: failed ? "bad" : "step", what: `${data.verb} ${nameOf(data.object)}`, more: `${data.step} ${duration(data.took_ms)}${failed}` };
  }
  const made = data.result?.name ?? (data.result?.sandboxes ? `→ ${data.result.sandboxes.length} more` : "");
  const what = `${data.verb} ${data.object ? nameOf(data.object) : made}${data.object && data.result?.sandboxes ? ` ${made}` : ""}`.trim();
  if (data.phase === "began") return { kind: "began", what, more: "began" };
  const warnings = data.result?.warnings ?? [];
  if (data.outcome === "done") {
    return { kind: warnings.length > 0 ? "warn" : "done", what, more: [`done, ${duration(data.took_ms)}`, ...warnings].join("; ") };
  }
  const hint = data.hint ? ` What to do: ${data.hint}` : "";
  return { kind: "bad", what, more: `${data.detail ?? data.outcome}.${hint}`.replace("..", ".") };
}

export class Log {
  element;
  #model;
  #heading = h("h1", { tabindex: "-1" }, "Events");
  #steps = check("steps", "Steps too");
  #lines = h("ol", { class: "log" });
  #note = h("div", { class: "empty" }, h("h2", {}, "Nothing has happened yet"), h("p", {}, "Changes appear here as they begin and end, and what the daemon's watchers find. On the host: veneer events"));

  constructor(model) {
    this.#model = model;
    this.#steps.querySelector("input").addEventListener("change", () => this.update());
    this.element = h("section", { "aria-label": "Events" }, h("div", { class: "head" }, h("div", {}, this.#heading, h("p", { class: "sum" }, "Since this page has been open, newest first")), this.#steps), this.#lines, this.#note);
  }

  focus() {
    this.#heading.focus();
  }

  update() {
    const steps = this.#steps.querySelector("input").checked;
    const events = this.#model.log.filter((event) => steps || event.type !== "step").slice(-kShown).reverse();
    this.#note.hidden = events.length > 0;
    reconcile(this.#lines, events, {
      key: (event) => event.id,
      make: () => h("li", {}, h("time", {}), h("span", { class: "log-what" }), h("span", { class: "log-more" })),
      change: (line, event) => {
        const { kind, what, more } = inWords(event, (id) => this.#model.nameOf(id));
        line.className = `log-${kind}`;
        setText(line.children[0], event.data.at ? clock(event.data.at) : "");
        setText(line.children[1], what);
        setText(line.children[2], more);
      },
    });
  }
}
