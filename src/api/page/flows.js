// Flows: operations with their steps, as they happen. Pure; events come in, flows are looked at.
//
// An operation's begin and end have a number; its steps name a verb and the object that it works
// on, which an operation that makes something learns with its first step.

const kKept = 40;
const kOnOne = 5;

// {number, verb, object, began, state: "running" | "done" | "failed" | "lost", took, problem,
//  steps: [{name, took, count, failed}]}
// Of one that is lost nobody knows whether it has ended.
export class Flows {
  #all = []; // oldest first

  begin(data, object) {
    this.#all.push({
      number: data.number,
      verb: data.verb,
      object,
      began: performance.now(),
      state: "running",
      took: null,
      problem: null,
      steps: [],
    });
    if (this.#all.length > kKept) {
      const oldest = this.#all.findIndex((flow) => flow.state !== "running");
      this.#all.splice(Math.max(oldest, 0), 1);
    }
  }

  // False where it belongs to no operation that is known.
  step(data) {
    const flow = this.#ownerOf(data);
    if (!flow) return false;
    if (flow.object === "") flow.object = data.object;
    const failed = data.outcome !== "done";
    const same = flow.steps.find((step) => step.name === data.step);
    if (same) {
      same.took += data.took_ms;
      same.count += 1;
      same.failed ||= failed;
    } else {
      flow.steps.push({ name: data.step, took: data.took_ms, count: 1, failed });
    }
    return true;
  }

  // Copies have steps of their own; they are the fork's.
  #ownerOf(data) {
    const open = this.#all.filter((flow) => flow.state === "running" && flow.verb === data.verb);
    return (
      open.find((flow) => flow.object === data.object) ??
      open.find((flow) => flow.object === "") ??
      (data.verb === "fork" || data.verb === "snapshot" || data.verb === "import" ? open[0] : undefined)
    );
  }

  end(data, made) {
    const open = (each) => each.state === "running" || each.state === "lost";
    const flow = this.#all.find((each) => each.number === data.number && open(each));
    if (!flow) return;
    if (data.verb === "create" && made) this.#giveOwnSteps(flow, made);
    flow.state = data.outcome === "done" ? "done" : "failed";
    flow.took = data.took_ms;
    if (flow.state === "failed") flow.problem = { kind: data.outcome, detail: data.detail, hint: data.hint };
  }

  // Events are gone: ends may be among them. `whose`: "ours" while it is the same daemon, which may
  // still tell how they end; another one counts anew.
  lose(whose) {
    for (const flow of this.#all) {
      if (flow.state === "running") flow.state = "lost";
      if (whose !== "ours") flow.number = null;
    }
  }

  // Of several creates at once it is known only now which was which.
  #giveOwnSteps(flow, made) {
    const other = this.#all.find((each) => each !== flow && each.verb === "create" && each.object === made);
    if (other) {
      [flow.steps, other.steps] = [other.steps, flow.steps];
      other.object = flow.object;
    }
    flow.object = made;
  }

  running(object) {
    return this.#all.find((flow) => flow.state === "running" && flow.object === object);
  }

  anyRunning() {
    return this.#all.some((flow) => flow.state === "running");
  }

  // The newest that is making something, from then on.
  newestCreate(since) {
    return this.#all.findLast((flow) => flow.verb === "create" && flow.began >= since);
  }

  newestImport(since) {
    return this.#all.findLast((flow) => flow.verb === "import" && flow.began >= since);
  }

  // Those of one object, newest first.
  of(object) {
    return this.#all.filter((flow) => flow.object === object).reverse().slice(0, kOnOne);
  }
}

// What a record remembers of its last operation, as a flow.
export function recorded(sandbox) {
  const steps = Object.entries(sandbox.timings_ms).map(([name, took]) => ({ name, took, count: 1, failed: false }));
  return { verb: sandbox.operation, object: sandbox.id, state: "done", took: null, problem: null, steps };
}

// Where the bar of each step begins and how long it is, of a whole of 1. "held" lies within the
// step before it; the others follow each other.
export function layOut(flow, elapsed) {
  const sum = flow.steps.reduce((total, step) => (step.name === "held" ? total : total + step.took), 0);
  const whole = Math.max(sum, flow.state === "running" ? elapsed : 0, 0.001);
  let at = 0;
  const rows = flow.steps.map((step) => {
    const within = step.name === "held";
    const begin = within ? Math.max(at - step.took, 0) : at;
    if (!within) at += step.took;
    return { ...step, begin: begin / whole, length: step.took / whole };
  });
  return { rows, whole, rest: Math.max(whole - at, 0) / whole, at: at / whole };
}
