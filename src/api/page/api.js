// The daemon's HTTP API (docs/api.md): requests with the token, answers as values, errors as
// problems with what to do.

const kTokenName = "veneer.token";

// What went wrong, in the daemon's own words: detail says what happened, hint what to do.
export class Problem extends Error {
  constructor({ status = 0, kind = "failed", detail = "", hint = "" }) {
    super(detail);
    Object.assign(this, { status, kind, detail, hint });
  }
}

export const silence = () =>
  new Problem({
    kind: "unreachable",
    detail: "The daemon does not answer.",
    hint: "Disks stay attached meanwhile. Look after it: systemctl status veneer",
  });

// The token is kept for this tab alone, until it is closed. One in the address (#token=…) is taken
// and removed from there at once.
export function takeTokenFromAddress(location = window.location, history = window.history) {
  const given = /^#token=([0-9A-Za-z._~-]+)$/.exec(location.hash);
  if (!given) return false;
  sessionStorage.setItem(kTokenName, given[1]);
  history.replaceState(null, "", `${location.pathname}${location.search}`);
  return true;
}

export const token = () => sessionStorage.getItem(kTokenName);
export const keepToken = (text) => sessionStorage.setItem(kTokenName, text);
export const forgetToken = () => sessionStorage.removeItem(kTokenName);

export function authorization() {
  return token() ? { Authorization: `Bearer ${token()}` } : {};
}

export async function problemOf(response) {
  try {
    return new Problem({ status: response.status, ...(await response.json()) });
  } catch {
    return new Problem({ status: response.status, detail: `The daemon answered ${response.status}.` });
  }
}

// Throws a Problem, also where nobody answers.
export async function request(method, path, { body, key, signal } = {}) {
  const headers = authorization();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  let response;
  try {
    response = await fetch(path, { method, headers, signal, body: body && JSON.stringify(body), cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw silence();
  }
  if (!response.ok) throw await problemOf(response);
  return response.json();
}

// All elements of a list, page by page; `tell` hears of each page as it comes.
export async function list(name, tell = () => {}) {
  const all = [];
  for (let after = null, more = true; more; more = after !== null) {
    const cursor = after === null ? "" : `&after=${encodeURIComponent(after)}`;
    const page = await request("GET", `/v1/${name}?limit=250${cursor}`);
    all.push(...page[name]);
    after = page.next;
    tell(page[name]);
  }
  return all;
}

// For a request that may be sent again and is to be done once.
export function newKey() {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return `page-${[...random].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

const sandbox = (id) => `/v1/sandboxes/${encodeURIComponent(id)}`;

export const create = (body, key) => request("POST", "/v1/sandboxes", { body, key });
export const pause = (id) => request("POST", `${sandbox(id)}/pause`);
export const resume = (id, body = {}) => request("POST", `${sandbox(id)}/resume`, { body });
export const fork = (id, body, key) => request("POST", `${sandbox(id)}/fork`, { body, key });
export const snapshot = (id, body, key) => request("POST", `${sandbox(id)}/snapshots`, { body, key });
export const destroy = (id, force) => request("DELETE", `${sandbox(id)}${force ? "?force=true" : ""}`);
export const removeTemplate = (id) => request("DELETE", `/v1/templates/${encodeURIComponent(id)}`);

// Sends an image; `progress` hears how much of it has gone, from 0 to 1. `signal` ends it.
export function upload(name, file, size, { progress, signal }) {
  return new Promise((resolve, reject) => {
    const sender = new XMLHttpRequest();
    const query = size ? `?size=${size}` : "";
    sender.open("PUT", `/v1/templates/${encodeURIComponent(name)}${query}`);
    sender.setRequestHeader("Content-Type", "application/octet-stream");
    for (const [header, value] of Object.entries(authorization())) sender.setRequestHeader(header, value);
    sender.responseType = "json";
    sender.upload.addEventListener("progress", (event) => progress(event.loaded / event.total));
    sender.addEventListener("error", () => reject(silence()));
    sender.addEventListener("abort", () => reject(new DOMException("It is not sent.", "AbortError")));
    signal.addEventListener("abort", () => sender.abort());
    sender.addEventListener("load", () => {
      if (sender.status === 201) resolve(sender.response);
      else reject(new Problem({ status: sender.status, ...sender.response }));
    });
    sender.send(file);
  });
}

// What this daemon offers, by its own document.
export async function abilities() {
  const document = await request("GET", "/openapi.json");
  const made = document.components.schemas.Create.properties;
  return {
    version: document.info.version,
    boots: "boot" in made,
    streams: "get" in (document.paths["/v1/sandboxes/{id}/exec"] ?? {}),
  };
}
