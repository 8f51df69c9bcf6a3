// The console of a sandbox that is a machine: runs commands there, over the API's stream
// (docs/api.md, "Commands"), and shows what they say as it comes.
import * as api from "./api.js";
import { problemBox } from "./dialogs.js";
import { h, say, setText } from "./dom.js";
import { duration } from "./format.js";

const kProtocol = "veneer.exec.v1";
const kStdin = 0;
const kMost = 200_000; // characters that are kept of all output
const kCommands = 50;
const kInterrupt = 2;
const kEscape = "\u001b";

// What terminals draw with is of no use here.
// eslint-disable-next-line no-control-regex
const kEscapes = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-_])|\r(?=\n)/g;

// A command that runs. `hear` gets ("out" | "err", text), `end` what came of it or a Problem.
class Command {
  #socket;
  #decoders = { 1: new TextDecoder(), 2: new TextDecoder() };
  #ended = false;

  constructor(id, line, hear, end) {
    const address = `${location.origin.replace(/^http/, "ws")}/v1/sandboxes/${encodeURIComponent(id)}/exec`;
    const offered = api.token() ? [kProtocol, `veneer.token.${api.token()}`] : [kProtocol];
    this.#socket = new WebSocket(address, offered);
    this.#socket.binaryType = "arraybuffer";
    const finish = (outcome) => {
      if (!this.#ended) end(outcome);
      this.#ended = true;
    };
    this.#socket.addEventListener("open", () => this.#socket.send(JSON.stringify({ argv: ["/bin/sh", "-c", line], stdin: true })));
    this.#socket.addEventListener("message", ({ data }) => {
      if (typeof data !== "string") return this.#piece(new Uint8Array(data), hear);
      const said = JSON.parse(data);
      return finish(said.problem ? new api.Problem(said.problem) : said.end);
    });
    this.#socket.addEventListener("close", () => finish(api.silence()));
  }

  #piece(bytes, hear) {
    const decoder = this.#decoders[bytes[0]];
    if (decoder) hear(bytes[0] === 1 ? "out" : "err", decoder.decode(bytes.subarray(1), { stream: true }));
  }

  // Nothing ends its input.
  input(text) {
    const bytes = new TextEncoder().encode(text);
    const message = new Uint8Array(bytes.length + 1);
    message[0] = kStdin;
    message.set(bytes, 1);
    this.#send(message);
  }

  interrupt() {
    this.#send(JSON.stringify({ signal: kInterrupt }));
  }

  // Behind the command itself.
  #send(message) {
    if (this.#socket.readyState === WebSocket.CONNECTING) {
      this.#socket.addEventListener("open", () => this.#socket.send(message));
    } else {
      this.#socket.send(message);
    }
  }

  leave() {
    this.#ended = true;
    this.#socket.close();
  }
}

export class Console {
  element;
  #model;
  #id = null;
  #name = "";
  #command = null;
  #lines = [];
  #at = 0;
  #why = h("p", { class: "hint" });
  #screen = h("pre", { class: "screen", tabindex: "0", "aria-label": "Output", role: "log" });
  #input = h("input", { type: "text", class: "mono", "aria-label": "Command", autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  #prompt = h("span", { class: "prompt", "aria-hidden": "true" }, "#");
  #interrupt = h("button", { type: "button" }, "Interrupt");
  #end = h("button", { type: "button" }, "End input");
  #form;

  constructor(model) {
    this.#model = model;
    this.#form = h("form", { class: "prompt-line" }, this.#prompt, this.#input, this.#interrupt, this.#end);
    this.element = h("div", { class: "console" }, this.#why, this.#screen, this.#form);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#enter();
    });
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("keydown", (event) => this.#escape(event));
    this.#interrupt.addEventListener("click", () => this.#command?.interrupt());
    this.#end.addEventListener("click", () => this.#command?.input(""));
  }

  // Another sandbox: what runs in the old one is left, and so ended.
  show(id) {
    this.#command?.leave();
    this.#command = null;
    this.#id = id;
    this.#screen.replaceChildren();
  }

  update(sandbox) {
    this.#name = sandbox.name;
    const why = this.#whyNot(sandbox);
    setText(this.#why, why);
    this.#why.hidden = why === "";
    this.#form.hidden = why !== "";
    this.#screen.hidden = this.#screen.childElementCount === 0;
    this.#interrupt.hidden = this.#end.hidden = this.#command === null;
    this.#input.placeholder = this.#command ? "a line for the command that runs" : "a command for /bin/sh";
    setText(this.#prompt, this.#command ? "›" : "#");
  }

  #whyNot(sandbox) {
    if (!sandbox.machine) return "This sandbox is a disk without a machine. One that is booted runs commands here.";
    if (sandbox.state !== "running") return "Commands run here while the machine does: resume it.";
    if (!this.#model.abilities?.streams) return `This daemon runs no commands. On the host: veneer exec ${sandbox.name} -- uname -a`;
    return "";
  }

  // It is the command's: to close would end that.
  #escape(event) {
    if (event.key !== "Escape" || !this.#command) return;
    event.preventDefault();
    this.#command.input(kEscape);
  }

  #key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || this.#command) return;
    event.preventDefault();
    this.#at = Math.min(Math.max(this.#at + step, 0), this.#lines.length);
    this.#input.value = this.#lines[this.#at] ?? "";
  }

  #enter() {
    const line = this.#input.value;
    if (this.#command) {
      this.#print("typed", `${line}\n`);
      this.#command.input(`${line}\n`);
    } else if (line.trim() !== "") {
      this.#run(line);
    }
    this.#input.value = "";
  }

  #run(line) {
    this.#lines = [...this.#lines.filter((each) => each !== line), line].slice(-kCommands);
    this.#at = this.#lines.length;
    this.#print("typed", `# ${line}\n`);
    this.#command = new Command(
      this.#id,
      line,
      (kind, text) => this.#print(kind, text.replace(kEscapes, "")),
      (outcome) => this.#ended(outcome),
    );
    this.#model.changed();
  }

  #ended(outcome) {
    this.#command = null;
    if (outcome instanceof api.Problem) {
      this.#screen.append(problemBox(outcome));
    } else {
      const why = outcome.timed_out ? ", its time was over" : outcome.signal ? `, by signal ${outcome.signal}` : "";
      this.#print(outcome.status === 0 ? "good" : "bad", `status ${outcome.status}${why} · ${duration(outcome.elapsed_ms)}\n`);
      say(`The command in ${this.#name} ended with ${outcome.status}.`);
    }
    this.#bottom();
    this.#model.changed();
  }

  #print(kind, text) {
    const last = this.#screen.lastElementChild;
    if (last?.className === kind && kind !== "typed") last.append(text);
    else this.#screen.append(h("span", { class: kind }, text));
    while (this.#screen.textContent.length > kMost && this.#screen.childNodes.length > 1) this.#screen.firstChild.remove();
    if (this.#screen.textContent.length > kMost) setText(this.#screen.firstChild, this.#screen.textContent.slice(-kMost / 2));
    this.#screen.hidden = false;
    this.#bottom();
  }

  #bottom() {
    this.#screen.scrollTop = this.#screen.scrollHeight;
  }
}
