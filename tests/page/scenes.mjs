// What people do with the page, on a real daemon with real disks.
//   node scenes.mjs NAME          test_page.py starts it, with a daemon of its own
import assert from "node:assert/strict";
import { closeSync, fsyncSync, openSync, writeFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";

import { again } from "./again.mjs";
import { api, daemon, play, until } from "./browser.mjs";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// Has the test do something with the daemon: "stop", "start".
async function told(what) {
  console.log(what);
  assert.equal((await lines.next()).value, "done");
}

function write(path, blocks) {
  const fd = openSync(path, "r+");
  writeSync(fd, Buffer.alloc(blocks * 4096, "x"), 0, blocks * 4096, 0);
  fsyncSync(fd);
  closeSync(fd);
}

async function create(stage, name) {
  await stage.button("New sandbox").first().click();
  await stage.field("Name").fill(name);
  await stage.field("Backend").selectOption("user");
  await stage.button("Create").click();
  await stage.detail().getByRole("heading", { name, exact: true }).waitFor();
}

function areSteps(steps, names) {
  assert.deepEqual(steps.map(([name]) => name), names);
  for (const [name, took] of steps) assert.match(took, /^[0-9.]+ m?s$/, name);
}

const scenes = {
  async life(stage) {
    const { page } = stage;
    await page.goto(`${daemon.url}/test`);
    await stage.field("Token").fill("0".repeat(64));
    await stage.button("Continue").click();
    await page.getByText("The daemon does not know this token.").waitFor();
    await stage.lookInLightAndDark("token");
    await stage.field("Token").fill(daemon.token);
    await stage.button("Continue").click();
    await stage.live();
    await page.getByText("No sandboxes yet").waitFor();
    await stage.lookInLightAndDark("none-yet");

    await stage.button("New sandbox").first().click();
    await stage.field("Name").fill("web");
    await stage.lookInLightAndDark("create");
    await stage.field("Backend").selectOption("user");
    await stage.button("Create").click();
    await stage.stateOf("web", "running");
    areSteps(await stage.timeline("create"), ["record", "store", "verify", "attach", "sync", "settle"]);
    const { id, path } = await api("GET", "/v1/sandboxes/web");
    await stage.button("Copy the path").click();
    await until(async () => (await page.evaluate(() => navigator.clipboard.readText())) === path, "the path is copied");
    write(path, 300);
    await stage.row("web").getByText("1.2 MiB of 16 MiB").waitFor();

    await stage.detail().getByRole("button", { name: "Pause", exact: true }).click();
    await stage.stateOf("web", "paused");
    areSteps(await stage.timeline("pause"), ["record", "detach", "settle"]);
    await stage.lookInLightAndDark("paused");
    await stage.detail().getByRole("button", { name: "Resume", exact: true }).click();
    await stage.stateOf("web", "running");
    areSteps(await stage.timeline("resume"), ["record", "verify", "attach", "settle"]);

    await stage.button("Fork…").click();
    await stage.field("How many").fill("3");
    await stage.button("Fork").click();
    await until(async () => (await page.locator("tbody tr").count()) === 4, "three forks are in the list");
    areSteps(await stage.timeline("fork"), ["record", "clone ×3", "held", "verify ×3", "attach ×3", "settle"]);
    await stage.button("Snapshot…").click();
    await stage.field("Name of the template").fill("web-ready");
    await stage.look("snapshot");
    await stage.button("Take the snapshot").click();
    await page.getByText("snapshot done").waitFor();
    await stage.lookInLightAndDark("running");

    await stage.button("Destroy…").click();
    await page.getByText("are removed for ever").waitFor();
    await stage.lookInLightAndDark("destroy");
    await stage.button("Destroy web").click();
    await stage.detail().getByText("destroyed").waitFor();
    areSteps(await stage.timeline("destroy"), ["record", "detach", "sync", "remove"]);
    assert.equal(await stage.focused(), "web", "the focus is where web was");
    const left = await api("GET", "/v1/sandboxes");
    assert.equal(left.sandboxes.some((each) => each.id === id), false);
    await stage.look("destroyed");

    await page.getByRole("link", { name: /^Templates/ }).click();
    await stage.row("web-ready").getByText("snapshot").waitFor();
    await stage.lookInLightAndDark("templates");
    await stage.button("Remove… web-ready").click();
    await stage.button("Remove web-ready").click();
    await stage.row("web-ready").waitFor({ state: "detached" });
    await page.getByRole("link", { name: "Events" }).click();
    await page.locator(".log-done", { hasText: "pause web" }).waitFor();
    await stage.field("Steps too").check();
    await page.locator(".log-step", { hasText: "detach" }).first().waitFor();
    await stage.lookInLightAndDark("events");
  },

  async errors(stage) {
    const { page } = stage;
    await stage.enter();
    assert.equal(new URL(page.url()).hash.includes("token"), false, "the token has left the address");
    await create(stage, "web");
    const { path } = await api("GET", "/v1/sandboxes/web");
    const held = openSync(path, "r");
    await stage.detail().getByRole("button", { name: "Pause", exact: true }).click();
    const problem = stage.detail().getByRole("alert");
    await problem.getByText("What to do:").waitFor();
    assert.match(await problem.textContent(), new RegExp(`${process.pid}`), "it names who has the disk open");
    await stage.timeline("pause", "failed");
    await stage.stateOf("web", "running");
    await stage.lookInLightAndDark("busy");
    closeSync(held);
    await stage.detail().getByRole("button", { name: "Pause", exact: true }).click();
    await stage.stateOf("web", "paused");
    assert.equal(await problem.count(), 0, "what went wrong is over");

    await stage.button("New sandbox").first().click();
    const dialog = page.getByRole("dialog");
    await stage.field("Size of its disk").fill("much");
    await stage.button("Create").click();
    await dialog.getByText("'much' is no size.").waitFor();
    await stage.field("Size of its disk").fill("1M");
    await stage.button("Create").click();
    await dialog.getByText("What to do:").waitFor();
    await stage.look("create-refused");
    await stage.field("Size of its disk").fill("32M");
    await stage.field("Name").fill("web");
    await stage.button("Create").click();
    await dialog.getByText('there is a sandbox "web" already').waitFor();
    await page.keyboard.press("Escape");
    await page.goto(`${daemon.url}/#/sandboxes/sb-00000000`);
    await stage.detail().getByText("No sandbox sb-00000000 is on this host.").waitFor();
    await stage.look("not-there");
  },

  // Without a mouse.
  async keyboard(stage) {
    const { page } = stage;
    const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
    const tabTo = async (label) => {
      for (let n = 0; n < 60; n += 1) {
        await press("Tab");
        const here = await page.evaluate(() => document.activeElement.textContent || document.activeElement.labels?.[0]?.textContent || document.activeElement.getAttribute("aria-label") || "");
        if (here.trim() === label) return;
      }
      assert.fail(`no way to ${label} by Tab`);
    };
    await stage.enter();
    await press("Tab");
    assert.equal(await stage.focused(), "Skip to the content");
    await stage.look("skip");
    await tabTo("New sandbox");
    const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.equal(ring, "solid", "the focus is seen");
    await press("Enter");
    await tabTo("Name");
    await page.keyboard.type("keys");
    await tabTo("Cancel");
    await press("Enter");
    assert.equal(await stage.focused(), "New sandbox", "the focus is back");
    await press("Enter");
    await tabTo("Name");
    await page.keyboard.type("keys");
    await press("Enter");
    await stage.detail().getByRole("heading", { name: "keys", exact: true }).waitFor();
    await stage.stateOf("keys", "running");
    await tabTo("Pause");
    await press("Enter");
    await stage.stateOf("keys", "paused");
    assert.equal(await stage.focused(), "Resume", "the button that was pressed has the focus still");
    await press("Enter");
    await stage.stateOf("keys", "running");
    await press("Escape");
    assert.equal(await page.evaluate(() => document.activeElement.querySelector(".name")?.textContent), "keys");
    await press("Enter");
    await tabTo("Destroy…");
    await press("Enter");
    await tabTo("Destroy keys");
    await stage.look("destroy");
    await press("Enter");
    await stage.detail().getByText("destroyed").waitFor();
    assert.equal(await stage.focused(), "keys");
  },

  // 360 pixels wide.
  async phone(stage) {
    const { page } = stage;
    await page.goto(daemon.url);
    await stage.field("Token").waitFor();
    await stage.fits();
    await stage.look("token");
    await stage.enter();
    await stage.fits();
    await stage.look("none-yet");
    await create(stage, "a-sandbox-whose-name-is-as-long-as-a-name-of-one-let-to-be-0063");
    await stage.fits();
    await stage.look("detail", { whole: true });
    await stage.detail().getByRole("button", { name: "Pause", exact: true }).click();
    await stage.timeline("pause");
    await page.emulateMedia({ colorScheme: "dark" });
    await stage.look("paused-dark", { whole: true });
    await page.emulateMedia({ colorScheme: "light" });
    await page.goBack();
    await page.locator("tbody tr").waitFor();
    await stage.fits();
    await stage.look("list");
    await stage.button("New sandbox").click();
    await stage.fits();
    await stage.look("create");
    await page.keyboard.press("Escape");
    for (const view of [/^Templates/, /^Events/]) {
      await page.getByRole("link", { name: view }).click();
      await stage.fits();
      await stage.look(view.source.slice(1).toLowerCase());
    }
  },

  // A thousand sandboxes.
  async many(stage) {
    const { page } = stage;
    await stage.enter();
    await page.locator(".pager", { hasText: "1–50 of 1,000" }).waitFor();
    assert.equal(await page.locator("tbody tr").count(), 50);
    await stage.lookInLightAndDark("all");
    await stage.button("Next").click();
    await page.locator(".pager", { hasText: "51–100 of 1,000" }).waitFor();
    await stage.field("Filter").fill("job-0042");
    await until(async () => (await page.locator("tbody tr").count()) === 1, "one of them fits");
    await stage.row("job-0042").waitFor();
    await stage.field("Filter").fill("job-00");
    await page.locator(".pager", { hasText: "1–50 of 100" }).waitFor();
    await stage.field("Filter").fill("none of them");
    await page.getByText("None of the sandboxes fits").waitFor();
    await stage.look("none-fits");
    await stage.button("Show all").click();
    await page.getByRole("button", { name: /^Failed/ }).click();
    await page.locator('tbody .state[data-state="failed"]').first().waitFor();
    assert.equal(await page.locator('tbody .state:not([data-state="failed"])').count(), 0);
    await page.getByRole("button", { name: /^All/ }).click();
    await stage.field("Order").selectOption("name");
    assert.equal(await page.locator("tbody .name").first().textContent(), "job-0000");
    await page.locator("tbody tr a").first().click();
    await stage.detail().getByRole("heading", { name: "job-0000" }).waitFor();
    await stage.look("one-of-them");
  },

  // The console, and what it says to a stream that speaks as docs/api.md says: the machine is made up.
  async console(stage) {
    const { page } = stage;
    const { id } = await api("POST", "/v1/sandboxes", { template: "base", name: "one", backend: "user" });
    await page.route("**/openapi.json", async (route) => {
      const document = await (await route.fetch()).json();
      document.paths["/v1/sandboxes/{id}/exec"].get = {};
      document.components.schemas.Create.properties.boot = {};
      await route.fulfill({ json: document });
    });
    await page.route("**/v1/sandboxes?*", async (route) => {
      const list = await (await route.fetch()).json();
      const machine = { state: "running", acceleration: "kvm", memory: 256 << 20, cpus: 1, network: "none" };
      await route.fulfill({ json: { ...list, sandboxes: list.sandboxes.map((each) => ({ ...each, machine })) } });
    });
    await page.route("**/v1/templates?*", async (route) => {
      const list = await (await route.fetch()).json();
      await route.fulfill({ json: { ...list, templates: list.templates.map((each) => ({ ...each, boots: true })) } });
    });
    const heard = [];
    await page.routeWebSocket(`**/v1/sandboxes/${id}/exec`, (socket) => socket.onMessage((message) => {
      heard.push(message);
      if (typeof message !== "string") {
        socket.send(Buffer.concat([Buffer.from([1]), message.subarray(1)]));
        return;
      }
      const said = JSON.parse(message);
      if (said.signal) {
        socket.send(JSON.stringify({ end: { status: 130, signal: 2, timed_out: false, dropped_bytes: 0, elapsed_ms: 812.4 } }));
        return;
      }
      if (said.argv[2] === "none") {
        socket.send(JSON.stringify({ problem: { kind: "not_found", detail: "there is no program none", hint: "name one that the machine has" } }));
        return;
      }
      // A letter that comes in two pieces, an escape of a terminal, and what is no HTML.
      socket.send(Buffer.from([1, 0xc3]));
      socket.send(Buffer.concat([Buffer.from([1, 0xa9]), Buffer.from("t\u00e9 \u001b[31m<b>red</b>\u001b[0m\n")]));
      socket.send(Buffer.concat([Buffer.from([2]), Buffer.from("a warning\n")]));
    }));
    await stage.enter();
    await stage.row("one").click();
    const detail = stage.detail();
    await stage.field("Command").fill("cat");
    await page.keyboard.press("Enter");
    await detail.getByText("\u00e9t\u00e9 <b>red</b>").waitFor();
    await detail.getByText("a warning").waitFor();
    await stage.field("Command").fill("to its input");
    await page.keyboard.press("Enter");
    await detail.locator(".out", { hasText: "to its input" }).waitFor();
    await page.keyboard.press("Escape");
    await until(() => heard.length === 3, "the command hears of Escape");
    await detail.getByRole("button", { name: "Interrupt" }).click();
    await detail.getByText("status 130, by signal 2").waitFor();
    assert.deepEqual(JSON.parse(heard[0]), { argv: ["/bin/sh", "-c", "cat"], stdin: true });
    assert.deepEqual([...heard[1]], [0, ...Buffer.from("to its input\n")]);
    assert.deepEqual([...heard[2]], [0, 27]);
    assert.deepEqual(JSON.parse(heard[3]), { signal: 2 });
    await stage.field("Command").fill("none");
    await page.keyboard.press("Enter");
    await detail.getByText("there is no program none").waitFor();
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowUp");
    assert.equal(await stage.field("Command").inputValue(), "cat");
    await stage.lookInLightAndDark("commands");
    await stage.button("New sandbox").click();
    await page.getByLabel("Boot it in a machine of its own").check();
    await stage.look("boot");
    await page.keyboard.press("Escape");
    await page.route(`**/v1/sandboxes/${id}/pause`, async (route) => {
      const paused = await (await route.fetch()).json();
      await route.fulfill({ json: { ...paused, warnings: ["the guest's file systems were not frozen"] } });
    });
    await detail.getByRole("button", { name: "Pause", exact: true }).click();
    await detail.getByText("the guest's file systems were not frozen").waitFor();
    await stage.timeline("pause");
  },

  // The daemon goes, and comes again; others change things meanwhile.
  async apart(stage) {
    const { page } = stage;
    await stage.enter();
    const { id } = await api("POST", "/v1/sandboxes", { template: "base", name: "theirs", backend: "user" });
    await stage.stateOf("theirs", "running");
    await page.locator("#latest", { hasText: "create theirs: done" }).waitFor();
    await told("stop");
    await page.getByText(/^The daemon does not answer./).waitFor();
    await page.locator('#link[data-state="cut"]').waitFor();
    await stage.lookInLightAndDark("cut");
    await stage.button("Try now").click();
    await page.getByText(/^The daemon does not answer./).waitFor();
    await told("start");
    await stage.live();
    await page.getByText(/^The daemon does not answer./).waitFor({ state: "detached" });
    await api("POST", `/v1/sandboxes/${id}/pause`);
    await stage.stateOf("theirs", "paused");
    await api("DELETE", `/v1/sandboxes/${id}`);
    await page.getByText("No sandboxes yet").waitFor();
  },

  // A host on which nothing is yet.
  async first(stage) {
    const { page } = stage;
    let go;
    const held = new Promise((resolve) => { go = resolve; });
    await page.route("**/v1/sandboxes?*", async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(`${daemon.url}/#token=${daemon.token}`);
    await page.locator(".skeleton").first().waitFor();
    await stage.lookInLightAndDark("loading");
    go();
    await page.getByText("Nothing here yet").waitFor();
    await stage.lookInLightAndDark("nothing");
    const image = `${process.env.VENEER_PAGE_HOME}/sent.img`;
    writeFileSync(image, Buffer.alloc(8 << 20, "i"));
    await stage.button("Upload an image").first().click();
    await stage.button("Upload").click();
    await page.getByText("No file is chosen.").waitFor();
    await stage.field("File").setInputFiles(image);
    await stage.field("Name of the template").fill("sent");
    await stage.look("upload");
    await stage.button("Upload").click();
    await page.getByText("No sandboxes yet").waitFor();
    await create(stage, "one");
    await stage.stateOf("one", "running");
  },
};

const kPhone = { width: 360, height: 740 };
await play({ ...scenes, ...again }, process.argv[2], process.argv[2] === "phone" ? kPhone : {});
process.stdin.destroy();
