// Values as people read them. Pure.

const kUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

// 5347737 → "5.1 MiB"
export function bytes(count) {
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < kUnits.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)} ${kUnits[unit]}`;
}

// A part of an address; as it is where it makes no sense.
export function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const kFactors = { "": 0, K: 1, M: 2, G: 3, T: 4 };

// "2G" → 2147483648; undefined where it is no size.
export function parseSize(text) {
  const parts = /^\s*([0-9]+)\s*([KMGT]?)(?:i?B)?\s*$/i.exec(text);
  if (!parts) return undefined;
  const size = Number(parts[1]) * 1024 ** kFactors[parts[2].toUpperCase()];
  return Number.isSafeInteger(size) && size > 0 ? size : undefined;
}

// 8.31 → "8.3 ms", 1240 → "1.24 s"
export function duration(ms) {
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 100) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${ms.toFixed(0)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(2)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

// How long ago that was: "now", "42 s", "7 min", "3 h", "12 d"
export function age(since, now = Date.now()) {
  const seconds = Math.max(0, Math.floor((now - Date.parse(since)) / 1000));
  if (seconds < 2) return "now";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

export function ago(since) {
  const old = age(since);
  return old === "now" ? "just now" : `${old} ago`;
}

export function clock(at) {
  return new Date(at).toLocaleTimeString("en-GB");
}

export function moment(at) {
  return `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`;
}

export const number = (value) => value.toLocaleString("en");

// number(1, "sandbox", "sandboxes") as words: "1 sandbox"
export const counted = (count, one, many) => `${number(count)} ${count === 1 ? one : many}`;
