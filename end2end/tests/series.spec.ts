// A series from its first look to its end: dates left out and put back, changed for what is still to come, ended. And waves of a window: a first
// one that does not end clean keeps the second one away, and the window says what became of each.
import { expect, mail, person, signIn, signOut, test, type Demo } from "./demo";
import { approve, day, soon, until } from "./journey";
import { wellMade } from "./looks";
import { sql } from "./sql";
import type { Locator, Page } from "@playwright/test";

test.use({ demoOf: "series" });
test.describe.configure({ mode: "serial" });

/** The demo's series. */
let series = "";
/** The window in waves, which begins its work while the others are looked at. */
let waves = "";

/** What became of the databases of that one. */
const BECAME = [/shop-staging: finished with failures/i, /shop: not started/i];

/** The next second Tuesdays from a day on, as pages write them. */
function secondTuesdays(from: string, count: number): string[] {
  const part = (at: Date, options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat("en-US", { timeZone: "UTC", ...options }).format(at);
  const found: string[] = [];
  for (const at = new Date(from); found.length < count; at.setUTCDate(at.getUTCDate() + 1)) {
    const [weekday, date] = [part(at, { weekday: "short" }), at.getUTCDate()];
    if (weekday === "Tue" && date > 7 && date <= 14) found.push(`${weekday} ${date} ${part(at, { month: "short" })} ${at.getUTCFullYear()}`);
  }
  return found;
}

const dates = (page: Page, table: "Next dates" | "The next dates") => page.getByRole("table", { name: table, exact: true }).locator("tbody tr");

/** Has the dates of what was typed shown. Nothing is saved by it. */
async function look(page: Page) {
  await page.getByRole("button", { name: "Show its dates" }).click();
  await expect(page.locator("main")).toContainText("Not saved yet.");
  await expect(dates(page, "The next dates")).toHaveCount(5);
}

const save = (page: Page) => page.getByRole("button", { name: "Save the series" }).click();

/** Answers every item of a validation list that stands so, one after the other. */
async function settle(page: Page, state: "Open" | "Failed", answer: (item: Locator) => Promise<void>) {
  const items = page.locator("li.check-item").filter({ has: page.locator("h2").getByText(state, { exact: true }) });
  for (let left = await items.count(); left > 0; left -= 1) {
    await answer(items.first());
    await expect(items).toHaveCount(left - 1);
  }
}

const wavesPage = (demo: Demo) => `${demo.address}/windows/${waves}`;

test("a window in two waves watches the first one for a while", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/windows/new?database=shop&tag=shop`);
  await expect(page.locator("[name='wave.shop-staging']")).toHaveValue("1");
  await expect(page.locator("[name='wave.shop']")).toHaveValue("2");
  await page.getByLabel("Reason").fill("Dead rows on both.");
  await page.getByLabel("Watch each wave, minutes").fill("30");
  const start = soon(30);
  await page.getByLabel("Date").fill(start.date);
  await page.getByLabel("Start", { exact: true }).fill(start.time);
  await page.getByRole("button", { name: "Look at the database" }).click();
  await expect(page).toHaveURL(/look=/);
  await until(page, page.url(), /Sealing fixes these bytes/, 60_000);
  await page.getByRole("button", { name: "Seal and propose", exact: true }).click();
  await expect(page.locator("main")).toContainText("Waiting for approval");
  waves = new URL(page.url()).pathname.split("/").pop()!;
  await signOut(page);
  for (const role of ["stakeholder", "lead"] as const) await approve(page, demo, role, waves);
});

test("dates are left out with a reason, and one is put back", async ({ page, demo }) => {
  const why = "The market is open that night. Ünïcödé ✓";
  const [fourth, fifth] = [dates(page, "Next dates").nth(3), dates(page, "Next dates").nth(4)];
  const change = page.locator("#change");
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/series`);
  await page.getByRole("link", { name: "Sunday maintenance" }).click();
  await expect(page.locator("h1")).toHaveText("Sunday maintenance");
  series = page.url();
  for (const date of [fourth, fifth]) {
    await expect(date).toContainText("To be proposed on");
    await date.getByRole("link", { name: /^Change / }).click();
    await change.getByLabel("Why it is left out").fill(why);
    await change.getByRole("button", { name: "Leave it out" }).click();
    await expect(page.locator("main")).toContainText("is left out.");
    await expect(date).toContainText("Left out");
  }
  await fourth.getByRole("link", { name: /^Change / }).click();
  await expect(change).toContainText("Egon Eriksen left it out on");
  await expect(change).toContainText(why);
  await expect(change.getByRole("button", { name: "Leave it out" })).toHaveCount(0);
  await change.getByRole("button", { name: "Put it back" }).click();
  await expect(page.locator("main")).toContainText("is back where the rule has it.");
  await expect(fourth).toContainText("To be proposed on");
  await expect(fifth).toContainText("Left out");
});

test("it is changed after a look at its dates, by one person at a time", async ({ page, demo }) => {
  const [reason, other] = ["Fewer people order since the winter.", "More people order since the winter."];
  await signIn(page, demo, "lead");
  const slow = await page.context().newPage();
  for (const tab of [page, slow]) {
    await tab.goto(`${series}/edit`);
    await expect(tab.locator("main")).toContainText("You answer for the series from the moment you save it; so far Egon Eriksen does.");
  }
  await page.getByLabel("Duration, minutes").fill("90");
  await page.getByLabel("Reason").fill(reason);
  await look(page);
  await expect(page.locator("#dates")).toContainText("Every week on Sunday at 03:00");
  await expect(dates(page, "The next dates").nth(3)).toContainText("Free");
  await expect(dates(page, "The next dates").nth(4)).toContainText("Left out");
  await save(page);
  await expect(page.locator("main")).toContainText("Saved, for the dates that have no window yet. You answer for it from now on.");
  for (const said of ["90 minutes", "Lena Lindqvist", reason]) await expect(page.locator(".card", { hasText: "Each lasts" })).toContainText(said);
  await expect(page.locator("#together")).toContainText("The series was saved anew since these dates were put together");

  await slow.getByLabel("Reason").fill(other);
  await slow.getByRole("button", { name: "Show its dates" }).click();
  await expect(slow.locator("main")).toContainText("Somebody else changed this");
  await expect(slow.getByLabel("Reason")).toHaveValue(other);
  await slow.goto(series);
  await expect(slow.locator("main")).toContainText(reason);
  await signOut(page);
  await signIn(page, demo, "auditor");
  await page.goto(`${demo.address}/audit?action=series.edit`);
  const facts = page.locator(".audit tbody tr").filter({ hasText: "Done" });
  await expect(facts).toHaveCount(1);
  await facts.getByRole("link").first().click();
  await expect(page.locator("main")).toContainText("series.edit by Lena Lindqvist");
  await expect(page.locator(".fact-bytes")).toContainText('"revision": 2');
  await expect(page.getByRole("table", { name: "Changed fields" }).getByRole("row", { name: /duration/ })).toContainText(/120.*90/s);
});

test("a new one on the second Tuesday of the month shows its next dates before it is saved", async ({ page, demo }) => {
  const title = "After the patch day";
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/series/new?database=shop-staging`);
  await page.getByLabel("Title").fill(title);
  await page.getByLabel("Reason").fill("The machines were patched the day before.");
  await page.getByLabel("From").fill(day(1));
  await page.getByLabel("Start", { exact: true }).fill("04:00");
  await page.getByLabel("Repeats").selectOption("weekday_of_month");
  await page.getByLabel("Which one").selectOption("second");
  await page.getByLabel("Weekday", { exact: true }).selectOption("Tuesday");
  await look(page);
  await expect(page.locator("#dates")).toContainText("Every month on the second Tuesday at 04:00");
  const next = secondTuesdays(day(1), 5);
  await expect(dates(page, "The next dates")).toContainText(next.map((date) => `${date}, 04:00`));
  const list = await page.context().newPage();
  await list.goto(`${demo.address}/series`);
  await expect(list.locator("main")).toContainText("Sunday maintenance");
  await expect(list.locator("main")).not.toContainText(title);
  await save(page);
  await expect(page.locator("main")).toContainText("Saved. Each of its windows is proposed some days before its start.");
  await expect(page.locator("h1")).toHaveText(title);
  await expect(dates(page, "Next dates")).toContainText(next);
  await expect(page.locator("main")).toContainText("FREQ=MONTHLY;BYDAY=2TU");
});

test("it is ended with a reason, and proposes nothing any more", async ({ page, demo }) => {
  const why = "The shop moves to another database.";
  await signIn(page, demo, "lead");
  await page.goto(series);
  const end = page.locator("details.confirm");
  await end.locator("summary", { hasText: "End the series" }).click();
  await end.getByLabel("Why").fill(why);
  await end.getByRole("button", { name: "End the series" }).click();
  await expect(page.locator("main")).toContainText("Ended: it proposes nothing any more.");
  await expect(page.locator(".window-line")).toContainText("Ended");
  await expect(page.locator("main")).toContainText("Lena Lindqvist ended it on");
  await expect(page.locator("main")).toContainText(`: “${why}”`);
  await expect(dates(page, "Next dates")).toHaveCount(0);
  for (const act of [page.getByRole("link", { name: "Edit", exact: true }), end]) await expect(act).toHaveCount(0);
  await wellMade(page);
  await page.goto(`${demo.address}/series`);
  await expect(page.getByRole("row", { name: /^Sunday maintenance/ })).toContainText("Ended");
});

test("a first wave that does not end clean keeps the second one away", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  // A busy machine may have made its queries slow already.
  await until(page, wavesPage(demo), /Watched until|Not everything went as planned/, 170_000);
  // They become so while it is watched: each waits for longer than it may take. Then the time of the watch passes.
  sql(demo, "shop_staging", `SET ROLE shop_owner; BEGIN; ALTER TABLE shop.orders RENAME TO kept;
    CREATE VIEW shop.orders AS SELECT o.* FROM pg_sleep(0.3), shop.kept AS o; COMMIT;`);
  sql(demo, "drydock", "UPDATE drydock.run SET soak_until = clock_timestamp() WHERE soak_until IS NOT NULL");
  await until(page, wavesPage(demo), /Not everything went as planned/, 90_000);
  await expect(page.locator(".window-line").first()).toContainText("Validating");
  const databases = page.locator("#databases");
  for (const said of [/Not everything went as planned: /, ...BECAME]) await expect(databases.locator(".message")).toContainText(said);
  const lanes = databases.locator("tbody tr");
  await expect(lanes).toHaveCount(2);
  await expect(lanes.nth(0)).toContainText(/^shop-staging.*Finished with failures/s);
  await expect(lanes.nth(1)).toContainText("Not started");
  await expect(lanes.nth(1)).toContainText("An earlier wave did not end clean (shop-staging: finished with failures).");
  await expect(databases.getByRole("link", { name: "Open its run" })).toHaveCount(1);
  await expect(page.locator("#checklist")).toContainText(/shop-staging: Critical queries.*Failed.*Slower/s);
  await wellMade(page);
  const told = await mail(page, demo, person(demo, "lead").email, new RegExp(`^\\[Please validate\\] #${waves} `));
  for (const said of BECAME) expect(told.text).toMatch(said);
});

test("it is signed off as completed with failures, and everybody reads which", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await page.goto(`${wavesPage(demo)}/checklist`);
  await expect(page.locator("li.check-item", { hasText: /^shop: Backups work/ })).toContainText("Not started: An earlier wave did not end clean");
  await settle(page, "Open", async (item) => {
    await item.getByLabel("Passed", { exact: true }).check();
    await item.getByLabel("Evidence").fill("Looked at the dashboard for ten minutes: nothing unusual.");
    await item.getByRole("button", { name: "Answer", exact: true }).click();
  });
  await settle(page, "Failed", async (item) => {
    await item.getByText("Accept although red").click();
    await item.getByLabel("Reason").fill("The copy waits for the new release.");
    await item.getByRole("button", { name: "Accept with this reason" }).click();
  });
  const close = page.locator("#close");
  await close.getByLabel("Issues met").fill("The queries of the copy became slow while it was watched.");
  await close.getByRole("button", { name: "Sign off and close" }).click();
  await expect(page.locator(".window-line").first()).toContainText("Completed");
  for (const said of [/Completed with failures: /, ...BECAME]) await expect(page.locator("#databases .message")).toContainText(said);
  const told = await mail(page, demo, person(demo, "stakeholder").email, new RegExp(`^\\[All clear\\] #${waves} `));
  for (const said of [...BECAME, /became slow while it was watched/]) expect(told.text).toMatch(said);
});
