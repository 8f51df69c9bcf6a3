// The page's modules without a browser: those that touch no document.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const directory = mkdtempSync(join(tmpdir(), "veneer-page-"));
process.on("exit", () => rmSync(directory, { recursive: true }));
cpSync(fileURLToPath(new URL("../../src/api/page", import.meta.url)), directory, { recursive: true });
writeFileSync(join(directory, "package.json"), '{"type":"module"}'); // as a browser takes them

globalThis.sessionStorage = { getItem: () => null };

export const module = (name) => import(pathToFileURL(join(directory, name)));
