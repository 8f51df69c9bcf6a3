// What a person asks for: create, fork, snapshot, destroy, upload, remove. Each is a dialog.
import * as api from "./api.js";
import { h, say } from "./dom.js";
import { ask, check, field, input, select, wrong } from "./dialogs.js";
import { bytes, duration, parseSize } from "./format.js";
import { Timeline } from "./timeline.js";

const kMiB = 1024 * 1024;

// The value of a field that may be empty: bytes, or undefined.
function sizeOf(fields, name) {
  const text = fields[name].value.trim();
  if (text === "") return undefined;
  const size = parseSize(text);
  if (size === undefined) throw wrong(name, `'${text}' is no size.`, "Write a whole number with K, M, G or T, like 2G.");
  return size;
}

function countOf(fields, name, most) {
  const count = Number(fields[name].value);
  if (Number.isInteger(count) && count >= 1 && count <= most) return count;
  throw wrong(name, `'${fields[name].value}' is no such number.`, `From 1 to ${most}.`);
}

// A key for each wish: the same one, sent again, is done once.
function wishes() {
  let last = "";
  let key = "";
  return (body) => {
    const wish = JSON.stringify(body);
    if (wish !== last) key = api.newKey();
    last = wish;
    return key;
  };
}

// Shows what is being made while it is made.
function liveTimeline(model, newest, since) {
  const timeline = new Timeline();
  timeline.show(null);
  model.watch(() => {
    const flow = newest(since());
    if (timeline.element.isConnected) timeline.show(flow && flow.state !== "failed" ? flow : null);
  });
  return timeline;
}

function machineParts() {
  const memory = field("Memory", input({ name: "memory", value: "256M" }));
  const cpus = field("CPUs", input({ name: "cpus", value: "1", inputmode: "numeric" }));
  const net = field("Network", select("net", [["none", "none"], ["user", "user: outbound only"]], "none"));
  return h("div", { class: "fields three", hidden: true }, memory, cpus, net);
}

function templateOptions(model) {
  return [...model.templates.values()]
    .sort((one, other) => Date.parse(other.created_at) - Date.parse(one.created_at))
    .map((each) => [each.name, `${each.name} (${each.kind === "snapshot" ? "snapshot, " : ""}${bytes(each.size)})`]);
}

export function askCreate(model, { chosen, open, otherwise }) {
  const options = templateOptions(model);
  const template = select("template", options, chosen ?? options[0]?.[0]);
  const machine = machineParts();
  const boot = check("boot", "Boot it in a machine of its own");
  const boots = () => [...model.templates.values()].some((each) => each.name === template.value && each.boots);
  const suit = () => {
    boot.hidden = !(model.abilities?.boots && boots());
    machine.hidden = boot.hidden || !boot.querySelector("input").checked;
  };
  template.addEventListener("change", suit);
  boot.addEventListener("change", suit);
  suit();
  let since = Infinity;
  const timeline = liveTimeline(model, (from) => model.flows.newestCreate(from), () => since);
  const keyOf = wishes();

  async function act(fields, signal) {
    const body = { template: fields.template.value, backend: fields.backend.value, export: fields.export.value };
    if (fields.name.value.trim()) body.name = fields.name.value.trim();
    const size = sizeOf(fields, "size");
    if (size) body.size = size;
    if (!machine.hidden) {
      Object.assign(body, { boot: true, cpus: countOf(fields, "cpus", 64), net: fields.net.value });
      body.memory = sizeOf(fields, "memory") ?? 256 * kMiB;
    }
    since = performance.now();
    const made = await api.create(body, keyOf(body));
    model.take(made);
    say(`${made.name} is ${made.state}.`);
    if (!signal.aborted) open(made.id);
  }

  ask({
    title: "New sandbox",
    parts: [
      field("Template", template),
      h(
        "div",
        { class: "fields two" },
        field("Name", input({ name: "name", maxlength: "63" }), "Optional; its id otherwise"),
        field("Size of its disk", input({ name: "size", placeholder: "as the template" }), "Like 2G; not below the template's"),
        field("Backend", select("backend", [["auto", "auto"], ["user", "user: Veneer's engine"], ["dm", "dm: the kernel's snapshots"]], "auto")),
        field("Shown as", select("export", [["fuse", "a file or device"], ["nbd", "an NBD socket"]], "fuse")),
      ),
      boot,
      machine,
      timeline.element,
    ],
    submit: "Create",
    busy: "Creating…",
    act,
    otherwise,
  });
}

export function askFork(model, sandbox, otherwise) {
  const keyOf = wishes();
  ask({
    title: `Fork ${sandbox.name}`,
    text: "Running copies of this moment. They share what they do not change.",
    parts: [field("How many", input({ name: "count", value: "1", inputmode: "numeric" }), "From 1 to 1,000: all, or none")],
    submit: "Fork",
    busy: "Forking…",
    act: async (fields) => {
      const body = { count: countOf(fields, "count", 1000) };
      const made = await api.fork(sandbox.id, body, keyOf(body));
      for (const each of made.sandboxes) model.take(each);
      say(`${sandbox.name} has ${made.sandboxes.length === 1 ? "a fork" : `${made.sandboxes.length} forks`}.`);
    },
    otherwise,
  });
}

export function askSnapshot(model, sandbox, otherwise) {
  const keyOf = wishes();
  ask({
    title: `Snapshot of ${sandbox.name}`,
    text: "A template of what its disk holds now. The sandbox goes on.",
    parts: [field("Name of the template", input({ name: "name", value: `${sandbox.name}-snapshot`.slice(0, 63), maxlength: "63" }))],
    submit: "Take the snapshot",
    busy: "Copying…",
    act: async (fields) => {
      const body = { name: fields.name.value.trim() };
      const made = await api.snapshot(sandbox.id, body, keyOf(body));
      model.take(made);
      say(`${made.name} is a template now. ${sandbox.name} was held for ${duration(made.held_ms)}.`);
    },
    otherwise,
  });
}

export function askDestroy(model, sandbox, otherwise) {
  ask({
    title: `Destroy ${sandbox.name}?`,
    text: `Its disk and the ${bytes(sandbox.changed_bytes)} that it changed are removed for ever. Templates and forks stay.`,
    parts: [check("force", "Also where its last writes cannot be flushed any more")],
    submit: `Destroy ${sandbox.name}`,
    busy: "Destroying…",
    danger: true,
    act: async (fields) => {
      model.take(await api.destroy(sandbox.id, fields.force.checked));
      say(`${sandbox.name} is gone.`);
    },
    otherwise,
  });
}

export function askRemove(model, template, otherwise) {
  ask({
    title: `Remove ${template.name}?`,
    text: `This ${template.kind === "snapshot" ? "snapshot" : "template"} is removed for ever. One that a sandbox uses stays.`,
    submit: `Remove ${template.name}`,
    busy: "Removing…",
    danger: true,
    act: async () => {
      model.take(await api.removeTemplate(template.id));
      say(`${template.name} is gone.`);
    },
    otherwise,
  });
}

export function askUpload(model, otherwise) {
  const meter = h("progress", { max: "1", value: "0", "aria-label": "Sent", hidden: true });
  let since = Infinity;
  const timeline = liveTimeline(model, (from) => model.flows.newestImport(from), () => since);
  ask({
    title: "Upload an image",
    text: "A raw disk, a qcow2, or a tar of a root file system becomes a template.",
    parts: [
      field("File", h("input", { type: "file", name: "file" })),
      h(
        "div",
        { class: "fields two" },
        field("Name of the template", input({ name: "name", maxlength: "63" })),
        field("Size", input({ name: "size", placeholder: "as the image" }), "Of the file system that a tar becomes"),
      ),
      meter,
      timeline.element,
    ],
    submit: "Upload",
    busy: "Uploading…",
    act: async (fields, signal) => {
      const file = fields.file.files[0];
      const name = fields.name.value.trim();
      if (!file) throw wrong("file", "No file is chosen.", "Choose the image to upload.");
      if (!name) throw wrong("name", "The template has no name.", "Give it one, like debian.");
      const size = sizeOf(fields, "size");
      since = performance.now();
      meter.hidden = false;
      try {
        const progress = (part) => meter.setAttribute("value", part);
        const made = await api.upload(name, file, size, { progress, signal });
        model.take(made);
        say(`${made.name} is a template now.`);
      } finally {
        meter.hidden = true;
      }
    },
    otherwise,
  });
}
