// Pause and resume. The list has a button for them, and so has the one sandbox beside it.
import * as api from "./api.js";
import { say } from "./dom.js";

const turning = new Set(); // ids: asked for, and not answered yet

export const canTurn = (model, id) => model.sandboxes.has(id) && !turning.has(id) && !model.flows.running(id);

// Throws a Problem.
export async function turn(model, id, choice = {}) {
  turning.add(id);
  try {
    const running = model.sandboxes.get(id).state === "running";
    const after = await (running ? api.pause(id) : api.resume(id, choice));
    model.take(after);
    say(`${after.name} is ${after.state}.`);
  } finally {
    turning.delete(id);
  }
}
