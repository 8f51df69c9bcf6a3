// The stream of events (/v1/events). A browser's EventSource sends no headers, so it is read by
// fetch; one that was cut off goes on behind the last event that was heard.
import { authorization, problemOf } from "./api.js";

const kFirstPause = 500; // ms; doubled at each failure
const kLongestPause = 8000;
const kSilence = 90_000; // the daemon says something at least every half minute, if it lives

// Feeds on pieces of text and gives whole events: {id, type, data}.
export class Parser {
  #rest = "";

  *take(text) {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop();
    for (const block of blocks) {
      const event = {};
      for (const line of block.split("\n")) {
        const at = line.indexOf(": ");
        if (at > 0) event[line.slice(0, at)] = line.slice(at + 2);
      }
      if (event.data) yield { id: event.id, type: event.event, data: JSON.parse(event.data) };
    }
  }
}

export class EventStream {
  #last = "";
  #pause = kFirstPause;
  #abort = null;
  #retry = null;
  #hear;
  #tell;

  // `hear` gets each event; `tell` "live", "cut" or "refused" as that changes.
  constructor(hear, tell) {
    this.#hear = hear;
    this.#tell = tell;
  }

  start() {
    clearTimeout(this.#retry);
    this.#abort?.abort();
    this.#abort = new AbortController();
    this.#listen(this.#abort);
  }

  async #listen(abort) {
    let refused = false;
    try {
      const headers = authorization();
      if (this.#last) headers["Last-Event-ID"] = this.#last;
      const response = await fetch("/v1/events", { headers, signal: abort.signal, cache: "no-store" });
      refused = response.status === 401;
      if (!response.ok) throw await problemOf(response);
      await this.#read(response.body.getReader(), abort);
    } catch {
      // Whatever it was: the stream is over, and is begun again below.
    }
    if (abort !== this.#abort) return; // another has begun
    this.#tell(refused ? "refused" : "cut");
    if (refused) return;
    this.#retry = setTimeout(() => this.start(), this.#pause);
    this.#pause = Math.min(this.#pause * 2, kLongestPause);
  }

  async #read(reader, abort) {
    const parser = new Parser();
    const decoder = new TextDecoder();
    let deadline = null;
    for (;;) {
      clearTimeout(deadline);
      deadline = setTimeout(() => abort.abort(), kSilence);
      const { done, value } = await reader.read();
      clearTimeout(deadline);
      if (done) return;
      this.#tell("live");
      this.#pause = kFirstPause;
      for (const event of parser.take(decoder.decode(value, { stream: true }))) {
        this.#last = event.id || this.#last;
        this.#hear(event);
      }
    }
  }
}
