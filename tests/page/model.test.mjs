// What the page makes of events, without a browser.
import assert from "node:assert/strict";
import { test } from "node:test";

import { module } from "./modules.mjs";

const { Model } = await module("model.js");

const began = (number, verb, object) => ({ number, verb, object, phase: "began" });
const ended = (number, verb, object, more = {}) => ({ number, verb, object, phase: "ended", outcome: "done", took_ms: 5, ...more });

// A model that hears, and asks for its lists by itself never: `looks` counts how often it wants to.
function listening() {
  const model = new Model();
  const heard = { model, looks: 0, last: 0 };
  model.look = () => {
    heard.looks += 1;
  };
  heard.hear = (type, data, daemon = "a") => {
    heard.last += 1;
    model.hear({ id: `${daemon}-${heard.last}`, type, data });
  };
  model.sandboxes.set("sb-1", { id: "sb-1", name: "web", state: "running" });
  return heard;
}

test("what is under way when events are gone is not under way for ever", () => {
  const { model, hear } = listening();
  hear("operation", began(7, "pause", "web"));
  assert.equal(model.stateOf(model.sandboxes.get("sb-1")), "pausing");
  hear("missed", {});
  assert.equal(model.flows.running("sb-1"), undefined);
  assert.equal(model.flows.of("sb-1")[0].state, "lost");
  assert.equal(model.stateOf(model.sandboxes.get("sb-1")), "running", "as the lists say");
});

test("after events are gone the lists are asked for anew", () => {
  const heard = listening();
  heard.hear("missed", {});
  assert.equal(heard.looks, 1);
});

test("an end that comes after all is the operation's", () => {
  const { model, hear } = listening();
  hear("operation", began(7, "pause", "web"));
  hear("missed", {});
  hear("operation", ended(7, "pause", "web", { result: { id: "sb-1", name: "web", state: "paused" } }));
  assert.equal(model.flows.of("sb-1")[0].state, "done");
  assert.equal(model.stateOf(model.sandboxes.get("sb-1")), "paused");
});

test("another daemon counts anew: its operations are not those of the last one", () => {
  const { model, hear } = listening();
  hear("operation", began(7, "pause", "web"));
  hear("missed", {}, "b");
  hear("operation", began(7, "resume", "web"), "b");
  hear("operation", ended(7, "resume", "web"), "b");
  const [resume, pause] = model.flows.of("sb-1");
  assert.deepEqual([resume.verb, resume.state], ["resume", "done"]);
  assert.deepEqual([pause.verb, pause.state], ["pause", "lost"]);
});
