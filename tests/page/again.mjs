// Scenes of what is asked for twice, left half-way, or makes no sense.
import assert from "node:assert/strict";

import { api, daemon, until } from "./browser.mjs";

// Answers to requests of this path wait until they are let go, as `answer(route)` says.
async function hold(page, path, answer) {
  const held = { count: 0, keys: [] };
  let letGo;
  const gate = new Promise((resolve) => {
    letGo = resolve;
  });
  held.letGo = letGo;
  await page.route(path, async (route) => {
    held.count += 1;
    held.keys.push(route.request().headers()["idempotency-key"]);
    await gate;
    await answer(route);
  });
  return held;
}

async function begin(stage) {
  const { id } = await api("POST", "/v1/sandboxes", { template: "base", name: "one", backend: "user" });
  await stage.enter();
  await stage.row("one").click();
  await stage.detail().getByRole("heading", { name: "one" }).waitFor();
  return id;
}

export const again = {
  // A wish that is sent again has the key that it had; another wish has another.
  async wishes(stage) {
    const { page } = stage;
    const id = await begin(stage);
    const keys = [];
    await page.route(`**/v1/sandboxes/${id}/snapshots`, async (route) => {
      keys.push(route.request().headers()["idempotency-key"]);
      if (keys.length < 3) await route.abort();
      else await route.continue();
    });
    const dialog = page.getByRole("dialog");
    await stage.button("Snapshot…").click();
    await stage.field("Name of the template").fill("first");
    for (const count of [1, 2]) {
      await stage.button("Take the snapshot").click();
      await until(() => keys.length === count, "it was sent");
      await dialog.getByText("The daemon does not answer.").waitFor();
    }
    await stage.field("Name of the template").fill("second");
    await stage.button("Take the snapshot").click();
    await dialog.waitFor({ state: "detached" });
    assert.ok(keys[0]);
    assert.equal(keys[1], keys[0]);
    assert.notEqual(keys[2], keys[0]);
  },

  // What goes wrong behind a dialog that was left is shown; an upload that is left ends.
  async left(stage) {
    const { page } = stage;
    const id = await begin(stage);
    const dialog = page.getByRole("dialog");
    const problem = { status: 507, kind: "no_space", detail: "There is no room.", hint: "Make some." };
    const fork = await hold(page, `**/v1/sandboxes/${id}/fork`, (route) => route.fulfill({ status: 507, json: problem }));
    await stage.button("Fork…").click();
    await stage.field("How many").fill("3");
    await stage.button("Fork").click();
    await until(() => fork.count === 1, "it was sent");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    fork.letGo();
    await dialog.getByText("There is no room.").waitFor();
    assert.equal(await stage.field("How many").inputValue(), "3", "nothing is to be typed again");
    await stage.button("Cancel").click();
    await dialog.waitFor({ state: "detached" });

    const upload = await hold(page, "**/v1/templates/sent", (route) => route.abort());
    await page.getByRole("link", { name: /^Templates/ }).click();
    await stage.button("Upload an image").click();
    await stage.field("File").setInputFiles({ name: "image", mimeType: "", buffer: Buffer.alloc(4096) });
    await stage.field("Name of the template").fill("sent");
    await stage.button("Upload").click();
    await until(() => upload.count === 1, "it was sent");
    const ended = page.waitForEvent("requestfailed", (request) => request.url().endsWith("/v1/templates/sent"));
    await stage.button("Cancel").click();
    await ended;
    await dialog.waitFor({ state: "detached" });
    upload.letGo();
  },

  // Whoever presses twice has asked once.
  async twice(stage) {
    const { page } = stage;
    const id = await begin(stage);
    const pause = await hold(page, `**/v1/sandboxes/${id}/pause`, (route) => route.continue());
    await page.evaluate(() => {
      const buttons = [document.querySelector("tbody .act button"), document.querySelector(".detail .actions .primary")];
      for (const each of [...buttons, ...buttons]) each.click();
    });
    await until(() => pause.count > 0, "it was sent");
    pause.letGo();
    await stage.stateOf("one", "paused");
    assert.equal(pause.count, 1);
    assert.equal(await stage.detail().getByRole("alert").count(), 0);
  },

  // An address that makes no sense names nothing.
  async nowhere(stage) {
    await stage.enter();
    await stage.page.goto(`${daemon.url}/#/sandboxes/%E0%A4%A`);
    await stage.page.reload();
    await stage.live();
    await stage.detail().getByText("No sandbox %E0%A4%A is on this host.").waitFor();
  },
};
