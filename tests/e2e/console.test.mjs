// The web console in a real browser: signs in once, sees lot and stations move
// live, notices a lost connection, pages through units, breaks no
// content-security-policy.
//
//   node --test console.test.mjs   with PROVLINE_BENCH, PROVLINE_WEB and
//   PROVLINE_PLAYWRIGHT set by CTest; PROVLINE_SHOTS names a folder for
//   screenshots.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ADMIN, startBench } from "./bench.mjs";

const { PROVLINE_BENCH, PROVLINE_WEB, PROVLINE_PLAYWRIGHT, PROVLINE_SHOTS } = process.env;
const require = createRequire(join(PROVLINE_PLAYWRIGHT, "x"));
const { chromium } = require("playwright-core");

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];

let bench, browser, page;
const complaints = [];

async function shot(name) {
  if (PROVLINE_SHOTS) await page.screenshot({ path: join(PROVLINE_SHOTS, `${name}.png`), fullPage: true });
}

before(async () => {
  bench = await startBench(PROVLINE_BENCH, PROVLINE_WEB);
  browser = await chromium.launch({
    executablePath: process.env.PROVLINE_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: FLAGS,
  });
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 } });
  page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
});

after(async () => {
  await browser?.close();
  assert.equal(await bench.stop(), 0, bench.log());
});

async function oneTimeToken() {
  const reply = await page.request.post(`${bench.url}/api/v1/sign-ins`, {
    headers: { Authorization: `Bearer ${ADMIN}` },
  });
  assert.equal(reply.status(), 201);
  return (await reply.json()).token;
}

test("nobody is let in without a sign-in", async () => {
  await page.goto(`${bench.url}/`);
  await page.getByText("You are not signed in").waitFor();
  await shot("signed-out");
  complaints.length = 0; // the browser reports the expected 401
});

test("a one-time sign-in opens the line view and leaves the address", async () => {
  const token = await oneTimeToken();
  await page.goto(`${bench.url}/#signin=${token}`);
  await page.getByRole("heading", { name: /Lot A17/ }).waitFor();
  assert.ok(!page.url().includes(token));
  await page.getByText("71 / 120").waitFor();
  assert.equal(await page.locator("[data-station]").count(), 3);
  await shot("line");
});

// A page opened by the one-time address has nobody signed in until the token is
// through: it must not ask before that, or the answers race.
test("a new page asks who is signed in after signing in, once", async () => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const fresh = await context.newPage();
  const asked = [];
  fresh.on("response", (r) => r.url().endsWith("/api/v1/session") && asked.push(`${r.request().method()} ${r.status()}`));
  await fresh.goto(`${bench.url}/#signin=${await oneTimeToken()}`);
  await fresh.getByRole("heading", { name: /Lot A17/ }).waitFor();
  assert.deepEqual(asked, ["POST 204", "GET 200"]);
  await context.close();
});

test("lot and stations move live", async () => {
  const step = page.locator('[data-station="st1"] [data-harness="h1"]');
  const was = await step.textContent();
  bench.say("step");
  await page.getByText("72 / 120").waitFor();
  await page.waitForFunction(
    ([text]) => document.querySelector('[data-station="st1"] [data-harness="h1"]').textContent !== text,
    [was],
  );
  bench.say("log modem: <b>registered</b>");
  await page.getByText("modem: <b>registered</b>").waitFor();
});

test("a station that leaves is told in plain words", async () => {
  bench.say("offline");
  await page.getByText(/Station st2 does not answer/).waitFor();
  await page.locator('[data-station="st2"]').getByText("Not connected since").waitFor();
  for (let i = 0; i < 34; i++) bench.say("step");
  await page.locator(".harness .light.bad").first().waitFor();
  await shot("offline");
  bench.say("online");
  await page.getByText(/Station st2 does not answer/).waitFor({ state: "detached" });
});

test("units are paged, one unit is shown whole", async () => {
  await page.getByRole("link", { name: "Units" }).click();
  await page.getByRole("link", { name: "B00001", exact: true }).waitFor();
  await shot("units");
  await page.getByRole("button", { name: /Next/ }).click();
  await page.getByRole("link", { name: "B00051", exact: true }).waitFor();
  await page.getByRole("link", { name: "B00051", exact: true }).click();
  await page.getByRole("heading", { name: "Board B00051" }).waitFor();
  await page.getByText("modem-rssi").waitFor();
  // Where its time went, the longest first.
  const times = page.getByRole("table").filter({ hasText: "Time in" });
  await times.getByRole("row", { name: /SPI flash program 7400 12.2 %/ }).waitFor();
  assert.match(await times.getByRole("row").nth(1).innerText(), /Board's firmware\s+31000/);
  await page.getByText("Text of the board").click();
  await shot("unit");
});

test("no content-security-policy was broken, no script failed", () => {
  assert.deepEqual(complaints, []);
});

test("a lost connection is shown, and found again", async () => {
  await page.goto(`${bench.url}/#/line`);
  await page.getByRole("heading", { name: /Lot A17/ }).waitFor();
  assert.equal(await bench.pause(), 0, bench.log());
  await page.getByText("Connection lost").waitFor();
  await shot("lost");
  await bench.resume();
  await page.getByText("Connection lost").waitFor({ state: "detached", timeout: 20000 });
});
