// One sandbox: what can be done with it, how long each step took, what it is, its console.
import { Console } from "./console.js";
import { problemBox } from "./dialogs.js";
import { copyButton, h, icon, reconcile, setAttribute, setText } from "./dom.js";
import { recorded } from "./flows.js";
import { askDestroy, askFork, askSnapshot } from "./forms.js";
import { ago, bytes, duration, moment } from "./format.js";
import { showPart, showState, stateBadge } from "./sandboxes.js";
import { Timeline } from "./timeline.js";
import { canTurn, turn } from "./turn.js";

// Problems of a sandbox's last request, by id: they stay until the next one.
const problems = new Map();

export class Detail {
  element;
  #model;
  #close;
  #id = null;
  #name = "";
  #title = h("h2", { tabindex: "-1" });
  #state = stateBadge();
  #sub = h("span", { class: "mono" });
  #trouble = h("div", { class: "trouble" });
  #reason = h("p", { class: "reason" });
  #toggle = h("button", { type: "button", class: "primary" });
  #backend = h("select", { "aria-label": "Backend to resume on" }, [["", "as before"], ["user", "on user"], ["dm", "on dm"]].map(([value, text]) => h("option", { value }, text)));
  #actions;
  #timeline = new Timeline();
  #earlier = h("ol", { class: "earlier" });
  #usage = h("dl", { class: "usages" });
  #facts = h("dl", { class: "facts" });
  #console;
  #consolePart;
  #body;

  constructor(model, close) {
    this.#model = model;
    this.#close = close;
    const away = h("button", { type: "button", class: "quiet square", title: "Close" }, icon("close"), h("span", { class: "unseen" }, "Close"));
    away.addEventListener("click", () => close());
    this.#toggle.addEventListener("click", () => this.#turn());
    const asked = (form) => () => form(model, this.#sandbox(), () => this.#title);
    const button = (text, kind, act) => {
      const made = h("button", { type: "button", class: kind }, text);
      made.addEventListener("click", act);
      return made;
    };
    this.#actions = h(
      "div",
      { class: "row actions" },
      h("div", { class: "row" }, this.#toggle, this.#backend),
      h(
        "div",
        { class: "row" },
        button("Fork…", "", asked(askFork)),
        button("Snapshot…", "", asked(askSnapshot)),
        button("Destroy…", "danger-quiet", asked(askDestroy)),
      ),
    );
    this.#console = new Console(model);
    this.#consolePart = h("section", { "aria-label": "Console" }, h("h3", {}, "Console"), this.#console.element);
    this.#body = h(
      "div",
      {},
      h("section", { "aria-label": "Usage" }, h("h3", {}, "Usage"), this.#usage),
      h("section", { "aria-label": "Facts" }, h("h3", {}, "Facts"), this.#facts),
      this.#consolePart,
    );
    this.element = h(
      "aside",
      { class: "detail", "aria-label": "Sandbox" },
      h("div", { class: "detail-head" }, h("div", { class: "detail-title" }, this.#title, h("p", {}, this.#state, this.#sub)), away),
      this.#trouble,
      this.#reason,
      this.#actions,
      h("section", { "aria-label": "Timing" }, h("h3", {}, "Last operation"), this.#timeline.element, this.#earlier),
      this.#body,
    );
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented) close();
    });
  }

  #sandbox() {
    return this.#model.sandboxes.get(this.#id);
  }

  // null: none.
  show(id) {
    if (id === this.#id) return;
    this.#id = id;
    this.#name = "";
    this.#console.show(id);
    this.#showTrouble();
    this.update();
    if (id !== null) this.#title.focus({ preventScroll: true });
  }

  report(id, problem) {
    problems.set(id, problem);
    if (id === this.#id) this.#showTrouble();
  }

  #showTrouble() {
    const problem = problems.get(this.#id);
    this.#trouble.replaceChildren(...(problem ? [problemBox(problem)] : []));
  }

  async #turn() {
    const id = this.#id;
    if (!canTurn(this.#model, id)) return;
    problems.delete(id);
    this.#showTrouble();
    try {
      await turn(this.#model, id, this.#backend.value ? { backend: this.#backend.value } : {});
      this.#backend.value = "";
    } catch (problem) {
      this.report(id, problem);
    }
  }

  update() {
    this.element.hidden = this.#id === null;
    if (this.#id === null) return;
    const sandbox = this.#sandbox();
    this.#name = sandbox?.name ?? this.#model.gone.get(this.#id) ?? (this.#name || this.#id);
    setText(this.#title, this.#name);
    setText(this.#sub, this.#name === this.#id ? "" : this.#id);
    const lost = !this.#model.loaded ? "loading" : this.#model.gone.has(this.#id) ? "destroyed" : "not there";
    showState(this.#state, sandbox ? this.#model.stateOf(sandbox) : lost);
    const focused = !sandbox && (this.#actions.contains(document.activeElement) || this.#body.contains(document.activeElement));
    this.#actions.hidden = this.#body.hidden = !sandbox;
    if (focused) this.#title.focus();
    this.#showReason(sandbox, lost);
    this.#showTiming(sandbox);
    if (!sandbox) return;
    this.#showActions(sandbox);
    this.#showUsage(sandbox);
    this.#showFacts(sandbox);
    this.#placeConsole(sandbox);
    this.#console.update(sandbox);
  }

  // Before all else where it is of use. Moved only then: it would lose the focus.
  #placeConsole(sandbox) {
    const first = this.#body.firstElementChild === this.#consolePart;
    if (sandbox.machine && !first) this.#body.prepend(this.#consolePart);
    if (!sandbox.machine && first) this.#body.append(this.#consolePart);
  }

  #showReason(sandbox, lost) {
    const missing = lost === "not there" ? `No sandbox ${this.#id} is on this host. It may have been destroyed.` : "";
    const said = [sandbox?.reason, ...(this.#model.warnings.get(this.#id) ?? [])];
    const text = sandbox ? said.filter(Boolean).join(" ") : missing;
    setText(this.#reason, text);
    this.#reason.hidden = text === "";
  }

  #showActions(sandbox) {
    const runs = sandbox.state === "running";
    setText(this.#toggle, runs ? "Pause" : "Resume");
    setAttribute(this.#toggle, "aria-disabled", this.#model.flows.running(sandbox.id) ? "true" : null);
    this.#toggle.hidden = sandbox.state === "failed";
    this.#backend.hidden = runs || sandbox.state === "failed";
  }

  #showTiming(sandbox) {
    const flows = this.#model.flows.of(this.#id);
    const told = sandbox && sandbox.operation ? recorded(sandbox) : null;
    const [newest, ...earlier] = flows.length > 0 ? flows : told ? [told] : [];
    this.#timeline.show(newest ?? null);
    reconcile(this.#earlier, earlier, {
      key: (flow) => flow.number,
      make: () => h("li", {}, h("span", {}), h("span", {})),
      change: (item, flow) => {
        const end = { failed: " failed", lost: " ended unheard" }[flow.state] ?? "";
        setText(item.firstElementChild, `${flow.verb}${end}`);
        setText(item.lastElementChild, flow.took !== null ? duration(flow.took) : flow.state === "running" ? "…" : "");
      },
    });
    this.#earlier.hidden = earlier.length === 0;
  }

  #showUsage(sandbox) {
    const rows = [
      ["Used on this host", sandbox.used_bytes, "used"],
      ["Changed", sandbox.changed_bytes, "changed"],
      ["Virtual", sandbox.size, "virtual"],
    ];
    reconcile(this.#usage, rows, {
      key: ([name]) => name,
      make: ([name, , kind]) => h("div", {}, h("dt", {}, name), h("dd", {}, h("span", { class: "figures" }), h("span", { class: `meter ${kind}`, "aria-hidden": "true" }, h("span", {})))),
      change: (row, [, value]) => {
        const share = (100 * value) / Math.max(sandbox.size, 1);
        const figures = row.querySelector(".figures");
        setText(figures, value === sandbox.size ? bytes(value) : `${bytes(value)} · ${share.toFixed(share < 10 ? 2 : 0)} %`);
        showPart(row.querySelector(".meter span"), value, sandbox.size);
      },
    });
  }

  #showFacts(sandbox) {
    const facts = [
      ["Path", sandbox.path ?? "none while it is paused"],
      ["Template", sandbox.template],
      ["Backend", `${sandbox.backend}, as ${sandbox.export === "nbd" ? "an NBD socket" : sandbox.backend === "dm" ? "a device" : "a file"}`],
      ["Created", `${moment(sandbox.created_at)}, ${ago(sandbox.created_at)}`],
    ];
    if (sandbox.machine) {
      const { state, memory, cpus, network, acceleration } = sandbox.machine;
      facts.push(["Machine", `${state}: ${bytes(memory)}, ${cpus} CPU, network ${network}, ${acceleration}`]);
    }
    facts.push(["Id", sandbox.id]);
    reconcile(this.#facts, facts, {
      key: ([name]) => name,
      make: ([name]) => {
        const value = h("dd", {}, h("span", { class: name === "Path" || name === "Id" ? "mono" : null }));
        if (name === "Path" || name === "Id") value.append(copyButton(name === "Id" ? "the id" : "the path", () => value.firstElementChild.textContent));
        return h("div", {}, h("dt", {}, name), value);
      },
      change: (row, [name, text]) => {
        setText(row.lastElementChild.firstElementChild, text);
        if (name === "Path") row.lastElementChild.lastElementChild.hidden = sandbox.path === null;
      },
    });
  }
}
