// A run is watched: it moves without being loaded again, says when it has no news, rests while nobody looks, and is held and stopped.
import { expect, FIRST, signIn, signOut, test, type Demo, webProcess } from "./demo";
import { approve, soon, until } from "./journey";
import { wellMade } from "./looks";
import { sql } from "./sql";
import type { Page } from "@playwright/test";

test.use({ demoOf: "live" });
test.describe.configure({ mode: "serial" });

const NUMBER = FIRST;
let run = "";

/** Opens the run's page as a person would, and waits for the first news. */
async function watch(page: Page) {
  await page.goto(run);
  await expect(page.locator(".last-update")).toContainText("Live: last update");
}

/** Remembers that this very document was seen; `true` afterwards says that it was not loaded again. */
const mark = (page: Page) => page.evaluate(() => { (globalThis as { seen?: boolean }).seen = true; });
const isMarked = (page: Page) => page.evaluate(() => (globalThis as { seen?: boolean }).seen === true);

test("a window is approved whose statements take their time", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/windows/new?database=shop`);
  await page.getByLabel("Reason").fill("To be watched.");
  await page.getByLabel("Duration, minutes").fill("120");
  await page.locator("summary", { hasText: "Thresholds" }).click();
  for (const [field, value] of [["vacuum_min_dead_rows", "1000"], ["vacuum_cost_delay_ms", "100"], ["jobs", "1"]] as const) {
    await page.locator(`[name=${field}]`).fill(value);
  }
  const start = soon(40);
  await page.getByLabel("Date").fill(start.date);
  await page.getByLabel("Start", { exact: true }).fill(start.time);
  await page.getByRole("button", { name: "Look at the database" }).click();
  await until(page, page.url(), /VACUUM/, 60_000);
  await page.getByRole("button", { name: "Seal and propose", exact: true }).click();
  await expect(page).toHaveURL(`${demo.address}/windows/${NUMBER}`);
  await signOut(page);
  await approve(page, demo, "stakeholder", NUMBER);
  await approve(page, demo, "lead", NUMBER);
  // A vacuum rests by what it dirties: from clean pages, whose marks were set by a reader, the first item takes its time.
  sql(demo, "shop", "SELECT count(*) FROM shop.orders; SELECT count(*) FROM shop.cart; CHECKPOINT;");
});

test("its run moves on the page without being loaded again", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await until(page, `${demo.address}/windows/${NUMBER}`, /Running/, 150_000);
  run = demo.address + (await page.locator("main a[href^='/runs/']").first().getAttribute("href"))!;
  await watch(page);
  const now = page.locator("#now");
  await expect(now).toContainText("item 1 of", { timeout: 60_000 });
  await mark(page);
  await expect(now.locator(".doing")).toContainText("VACUUM");
  const before = await now.locator(".running").textContent();
  const done = await now.locator(".doing").textContent();
  await expect(now.locator(".running")).not.toHaveText(before!);
  await expect(now.locator(".doing")).not.toHaveText(done!);
  expect(await isMarked(page)).toBe(true);
  await expect(page.locator("#items tbody tr").first()).toContainText("Running");
});

test("it is held after its item, by typing the database's name", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await watch(page);
  await page.getByRole("link", { name: "Hold after this item …" }).click();
  await page.getByLabel("Why").fill("The replica lags.");
  await page.getByLabel("Short name of the database").fill("shoe");
  await page.getByRole("button", { name: "Hold the run" }).click();
  await expect(page.locator(".error-summary")).toContainText("shop");
  await expect(page.getByLabel("Why")).toHaveValue("The replica lags.");
  await page.getByLabel("Short name of the database").fill("shop");
  await page.getByRole("button", { name: "Hold the run" }).click();
  await expect(page.locator("main")).toContainText("asked to hold it");
  // Nobody touches the page any more: it finds out by itself, and offers the decision.
  await expect(page.locator("#hold")).toContainText("The replica lags.", { timeout: 90_000 });
  await expect(page.locator("#items tbody tr").first()).toContainText("Done");
  await expect(page.locator("#items tbody tr").nth(1)).toContainText("Waiting");
  await wellMade(page);
});

test("a page that is cut off says so, and catches up", async ({ page, demo, context }) => {
  await signIn(page, demo, "engineer");
  // A page of its own: the browser itself reports on the console what it could not reach.
  const cut = await context.newPage();
  const errors: string[] = [];
  cut.on("pageerror", (error) => errors.push(String(error)));
  await watch(cut);
  await mark(cut);
  const silent = cut.locator(".silent");
  // The connection stands and nobody says anything on it: the hardest way to be cut off, and one that the browser does not notice.
  const web = webProcess(demo);
  process.kill(web, "SIGSTOP");
  try {
    await expect(silent).toContainText(/No news for \d+ s, last update \d\d:\d\d:\d\d UTC; reconnecting\./, { timeout: 30_000 });
    await expect(cut.locator(".big-state")).toContainText("Last seen: On hold");
    const stood = await cut.locator(".big-state strong").first().textContent();
    await expect(silent).toContainText(/No news for 1\d s/);
    // What is old does not count on as if it were fresh.
    expect(await cut.locator(".big-state strong").first().textContent()).toBe(stood);
  } finally {
    process.kill(web, "SIGCONT");
  }
  await expect(cut.locator(".last-update")).toContainText("Live: last update", { timeout: 60_000 });
  await expect(silent).toHaveCount(0);
  await expect(cut.locator(".big-state")).not.toContainText("Last seen");
  expect(await isMarked(cut)).toBe(true);
  expect(errors).toEqual([]);
});

test("a page that nobody looks at asks for nothing", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await watch(page);
  const show = (hidden: boolean) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
    }, hidden);
  const closed = page.waitForEvent("requestfailed", (request) => request.url().includes("/events"));
  await show(true);
  await closed;
  await expect(page.locator(".last-update")).not.toContainText("Live");
  const opened = page.waitForRequest(/\/events\?after=\d+$/);
  await show(false);
  await opened;
  await expect(page.locator(".last-update")).toContainText("Live: last update");
});

test("it goes on, is stopped by typing the database's name, and shows what it changed", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await watch(page);
  // Somebody else has clicked a link, whose page takes its time.
  const other = await page.context().newPage();
  await watch(other);
  let answer = () => {};
  const answered = new Promise<void>((resolve) => { answer = resolve; });
  await other.route(/\/databases$/, async (route) => {
    await answered;
    await route.continue();
  });
  await other.getByRole("navigation").getByRole("link", { name: "Databases", exact: true }).first().click({ noWaitAfter: true });
  await page.getByLabel("Go on with what is left").check();
  await page.getByLabel("Reason").fill("It caught up.");
  await page.getByRole("button", { name: "Decide" }).click();
  // The answer first: the page before it is live, too, and would show the next item while it is being left.
  await expect(page.locator("main")).toContainText("Decided:");
  await expect(page.locator("#now")).toContainText("item 2 of", { timeout: 60_000 });
  // What may be done has changed since: the other page would load itself again, and call the click off.
  answer();
  await expect(other).toHaveURL(/\/databases$/);
  await other.close();
  await page.getByRole("link", { name: "Stop the run" }).click();
  await page.getByLabel("Why").fill("A release is going out.");
  await page.getByLabel("Short name of the database").fill("shop");
  await page.getByRole("button", { name: "Stop the run" }).click();
  await expect(page.locator("main")).toContainText("asked to stop it");
  await expect(page.locator(".big-word .pill")).toHaveText("Stopped", { timeout: 90_000 });
  const gains = page.locator("#gains");
  await expect(gains).toContainText("dead rows removed");
  await expect(gains.locator("svg.bars").first()).toBeVisible();
  await expect(page.locator("main")).toContainText("Not reached in this run");
  await wellMade(page);
});
