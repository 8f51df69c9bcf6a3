// A browser with the page in it: Debian's Chromium, driven by Playwright. What a scene shows is kept
// as pictures, and looked at by axe in each state.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const tools = createRequire(`${process.env.VENEER_PAGE_TOOLS}/`);
const { chromium } = tools("playwright-core");
const axe = readFileSync(tools.resolve("axe-core/axe.min.js"), "utf8");

const kPatience = 60_000; // ms: for what takes a moment, on a machine with very much to do

export const daemon = {
  url: process.env.VENEER_PAGE_URL,
  token: process.env.VENEER_PAGE_TOKEN,
};

// Asks the daemon, as a program would.
export async function api(method, path, body) {
  const response = await fetch(daemon.url + path, {
    method,
    headers: { Authorization: `Bearer ${daemon.token}`, ...(body ? { "Content-Type": "application/json" } : {}) },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  assert.ok(response.ok, `${method} ${path}: ${JSON.stringify(answer)}`);
  return answer;
}

export async function until(condition, what) {
  const deadline = Date.now() + kPatience;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export class Stage {
  static async open(name, { width = 1440, height = 900, dark = false, calm = true } = {}) {
    const stage = new Stage();
    stage.name = name;
    // As root there is no sandbox; a container's /dev/shm is small.
    stage.browser = await chromium.launch({
      executablePath: process.env.VENEER_CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
    });
    stage.context = await stage.browser.newContext({
      viewport: { width, height },
      colorScheme: dark ? "dark" : "light",
      reducedMotion: calm ? "reduce" : "no-preference",
      permissions: ["clipboard-read", "clipboard-write"],
    });
    stage.page = await stage.context.newPage();
    stage.page.setDefaultTimeout(kPatience);
    stage.complaints = [];
    stage.page.on("pageerror", (error) => stage.complaints.push(String(error.stack)));
    stage.page.on("console", (message) => {
      // What the daemon refuses is a part of the story; the page shows it.
      const refused = message.text().startsWith("Failed to load resource");
      if (message.type() === "error" && !refused) stage.complaints.push(message.text());
    });
    return stage;
  }

  // With the token in the address, as a link in a terminal has it.
  async enter(where = "/") {
    await this.page.goto(`${daemon.url}${where}#token=${daemon.token}`);
    await this.live();
  }

  async live() {
    await this.page.locator('#link[data-state="live"]').waitFor();
    await this.page.locator("[data-view=sandboxes] .count", { hasText: /\d/ }).waitFor();
  }

  // A picture of this moment, and what axe says of it.
  async look(state, { whole = false } = {}) {
    await this.page.screenshot({ path: `${process.env.VENEER_PAGE_PICTURES}/${this.name}-${state}.png`, fullPage: whole });
    await this.page.evaluate(axe);
    const found = await this.page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    const bad = found.violations.filter((each) => ["serious", "critical"].includes(each.impact));
    const told = bad.map((each) => `${each.id}: ${each.help}\n  ${each.nodes.map((node) => `${node.html}\n  ${node.failureSummary}`).join("\n  ")}`);
    assert.deepEqual(told, [], `axe in ${this.name}, ${state}:\n${told.join("\n")}`);
  }

  // Looked at in both.
  async lookInLightAndDark(state) {
    await this.look(state);
    await this.page.emulateMedia({ colorScheme: "dark" });
    await this.look(`${state}-dark`);
    await this.page.emulateMedia({ colorScheme: "light" });
  }

  button(name) {
    return this.page.getByRole("button", { name, exact: true });
  }

  field(label) {
    return this.page.getByLabel(label, { exact: true });
  }

  detail() {
    return this.page.getByRole("complementary", { name: "Sandbox" });
  }

  row(name) {
    return this.page.locator("table.list tbody tr", { has: this.page.locator(".name", { hasText: new RegExp(`^${name}$`) }) });
  }

  async stateOf(name, state) {
    await this.row(name).locator(`.state[data-state="${state}"]`).waitFor();
  }

  // The steps that the timeline shows, once the operation is over: [["detach", "8.31 ms"], …]
  async timeline(verb, end = "done") {
    await this.detail().locator(".timeline-verb", { hasText: `${verb} ${end}` }).waitFor();
    return this.detail().locator(".step").evaluateAll((steps) =>
      steps.map((step) => [step.querySelector(".step-name").textContent, step.querySelector(".step-took").textContent]));
  }

  async focused() {
    return this.page.evaluate(() => document.activeElement.textContent || document.activeElement.getAttribute("aria-label"));
  }

  async fits() {
    const [wide, room] = await this.page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    assert.ok(wide <= room, `it is ${wide} wide in a window of ${room}`);
  }

  async close() {
    await this.browser.close();
  }
}

// Runs one scene of a table by its name.
export async function play(scenes, name, options) {
  assert.ok(scenes[name], `there is no scene ${name}`);
  const stage = await Stage.open(name, options);
  try {
    await scenes[name](stage);
    assert.deepEqual(stage.complaints, [], "the browser's console");
  } catch (error) {
    await stage.page.screenshot({ path: `${process.env.VENEER_PAGE_PICTURES}/${name}-FAILED.png` }).catch(() => {});
    console.error(error);
    if (stage.complaints.length > 0) console.error("the browser's console:", stage.complaints);
    process.exitCode = 1;
  } finally {
    await stage.close();
  }
}
