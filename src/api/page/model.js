// What the page knows of the daemon: templates, sandboxes, what is under way, what has happened.
//
// Lists come whole, and again and again; events change single things in between. What an event has
// told is not taken back by a list that was asked for before it.
import * as api from "./api.js";
import { Flows } from "./flows.js";

const kLogged = 500;
const kRest = 5000; // ms between two looks at everything, and twenty times as long as one takes

export class Model {
  sandboxes = new Map(); // by id
  templates = new Map(); // by id
  gone = new Map(); // names of what was destroyed and removed while the page looked, by id
  warnings = new Map(); // what an object's last operation could not do, though it succeeded, by id
  flows = new Flows();
  log = []; // {id, type, data}, oldest first
  loaded = false;
  problem = null; // why the lists are not to be had
  abilities = null;

  #told = new Map(); // when an object was last told of by other than a list
  #listeners = new Set();
  #notice = null;
  #timer = null;
  #looking = false;
  #again = false;
  #resting = false;
  #daemon = ""; // whose events were heard last: what their ids begin with

  // `listener` is called a moment after something has changed, once for many changes.
  watch(listener) {
    this.#listeners.add(listener);
  }

  changed() {
    this.#notice ??= setTimeout(() => {
      this.#notice = null;
      for (const listener of this.#listeners) listener();
    }, 0);
  }

  // Looks at everything soon; then again and again.
  look(after = 0) {
    clearTimeout(this.#timer);
    if (this.#looking) this.#again = true;
    else this.#timer = setTimeout(() => this.#look(), after);
  }

  // Looks no more by itself, until it is woken.
  rest() {
    this.#resting = true;
    clearTimeout(this.#timer);
  }

  wake() {
    this.#resting = false;
    this.look();
  }

  async #look() {
    this.#looking = true;
    this.#again = false;
    const began = performance.now();
    try {
      this.abilities ??= await api.abilities();
      await this.#read("templates", this.templates, began);
      await this.#read("sandboxes", this.sandboxes, began);
      this.loaded = true;
      this.problem = null;
    } catch (problem) {
      this.problem = problem;
    }
    this.#looking = false;
    this.changed();
    if (this.problem?.status === 401 || (this.#resting && !this.#again)) return;
    this.look(this.#again ? 0 : Math.max(kRest, 20 * (performance.now() - began)));
  }

  async #read(name, known, began) {
    const takes = (each) => (this.#told.get(each.id) ?? 0) < began;
    const all = await api.list(name, (page) => {
      for (const each of page) if (takes(each)) known.set(each.id, each);
      this.changed();
    });
    const listed = new Set(all.map((each) => each.id));
    for (const id of known.keys()) if (!listed.has(id) && takes({ id })) known.delete(id);
  }

  // Takes what an answer or an event says of one object.
  take(object) {
    this.#told.set(object.id, performance.now());
    this.warnings.set(object.id, object.warnings ?? []);
    if (object.destroyed || object.removed) {
      this.gone.set(object.id, object.name);
      this.sandboxes.delete(object.id);
      this.templates.delete(object.id);
    } else if (object.id.startsWith("sb-")) {
      this.sandboxes.set(object.id, object);
    } else {
      const { held_ms: _held, timings_ms: _timings, ...template } = object;
      this.templates.set(object.id, template);
    }
    this.changed();
  }

  // An id of what a path has named: an id, a name, the beginning of an id.
  idOf(reference) {
    if (this.sandboxes.has(reference) || reference === "") return reference;
    for (const each of this.sandboxes.values()) if (each.name === reference) return each.id;
    for (const id of this.sandboxes.keys()) if (id.startsWith(reference)) return id;
    return reference;
  }

  nameOf(id) {
    return this.sandboxes.get(id)?.name ?? this.templates.get(id)?.name ?? this.gone.get(id) ?? id;
  }

  hear(event) {
    this.log.push(event);
    if (this.log.length > kLogged) this.log.splice(0, this.log.length - kLogged);
    const { data } = event;
    const daemon = event.id.split("-")[0];
    if (event.type === "missed") this.flows.lose(daemon === this.#daemon ? "ours" : "another's");
    this.#daemon = daemon;
    if (event.type === "operation" && data.phase === "began") {
      this.flows.begin(data, this.idOf(data.object));
    } else if (event.type === "operation") {
      this.#end(data);
    } else if (event.type === "step") {
      const known = this.flows.step(data);
      if (!known || (data.verb !== "import" && !this.sandboxes.has(data.object))) this.look(200);
    } else {
      this.look(200);
    }
    this.changed();
  }

  #end(data) {
    const result = data.result ?? null;
    const objects = result?.sandboxes ?? (result?.id ? [result] : []);
    this.flows.end(data, objects[0]?.id ?? this.idOf(data.object));
    for (const object of objects) this.take(object);
    if (objects.length === 0) this.look(0);
  }

  // The state that a person sees: what is being done, before it is recorded.
  stateOf(sandbox) {
    const flow = this.flows.running(sandbox.id);
    const under_way = { pause: "pausing", resume: "resuming", destroy: "destroying", create: "creating" };
    return under_way[flow?.verb] ?? sandbox.state;
  }
}
