// The whole job as people do it: propose, look, seal, approve by mail and on the page, run on a real database, validate, close, verify.
// Every door is a plain form, so the same steps are walked with script by the keyboard alone, and without script by the mouse.
import { execFileSync } from "node:child_process";
import path from "node:path";
import { environment, expect, FIRST, mail, person, program, signIn, signOut, test, type Demo, type Role } from "./demo";
import { keyboard, mouse, type Hand } from "./hand";
import { wellMade } from "./looks";
import type { Page } from "@playwright/test";

const REASON = "Carts were cleaned up; no writes are stopped. Ünïcödé 王 ✓";
const NUMBER = FIRST;

/** Wall time of the database's zone, in the next minute that begins in at least `seconds`. */
export function soon(seconds: number): { date: string; time: string } {
  const at = new Date(Math.ceil((Date.now() + seconds * 1_000) / 60_000) * 60_000);
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: "Europe/Berlin", dateStyle: "short", timeStyle: "short" }).formatToParts(at);
  const part = (type: string) => parts.find((found) => found.type === type)!.value;
  return { date: `${part("year")}-${part("month")}-${part("day")}`, time: `${part("hour")}:${part("minute")}` };
}

/** A day so many days from now, where the demo's people and its databases live. */
export const day = (days: number) => new Intl.DateTimeFormat("en-CA", { timeZone: "Europe/Berlin" }).format(new Date(Date.now() + days * 86_400_000));

/** Loads a page again and again until it shows what it should, as a person without script would. The test has the time of the wait besides its own. */
export async function until(page: Page, url: string, text: RegExp, timeout: number) {
  test.setTimeout(test.info().timeout + timeout);
  await expect(async () => {
    await page.goto(url);
    await expect(page.locator("main")).toContainText(text, { timeout: 1_000 });
  }).toPass({ timeout });
}

/** Everybody whom the policy that rules now asks for agrees to the change that waits. */
export async function agree(page: Page, demo: Demo, says: RegExp) {
  for (const role of ["stakeholder", "lead"] as const) {
    await signIn(page, demo, role);
    await page.goto(`${demo.address}/policies`);
    await expect(page.locator("main")).toContainText(says);
    await page.getByRole("button", { name: "Agree to this change" }).click();
    await signOut(page);
  }
}

/** Somebody who is asked signs in, approves on the window's page, and signs out. */
export async function approve(page: Page, demo: Demo, role: Role, window: number | string, database = "shop") {
  await signIn(page, demo, role);
  await page.goto(`${demo.address}/windows/${window}`);
  const vote = page.locator("#vote");
  await vote.getByLabel("Approve", { exact: false }).first().check();
  await vote.getByLabel("Short name of the database").fill(database);
  await vote.getByRole("button", { name: "Send my decision" }).click();
  await expect(page.locator("main")).toContainText(/Your approval was (recorded|the last one needed)/);
  await signOut(page);
}

/** Answers what people answer on a validation list, accepts what measured red on a busy machine, and signs off. */
export async function signOff(page: Page, address: string, number: number | string, hand: Hand = mouse, look: (page: Page) => Promise<void> = async () => {}) {
  const list = `${address}/windows/${number}/checklist`;
  await page.goto(list);
  await look(page);
  for (const key of ["No error spikes", "Metrics are in range", "Backups work"]) {
    const item = page.locator("li.check-item", { hasText: key });
    await hand.check(item.getByLabel("Passed", { exact: true }));
    await hand.fill(item.getByLabel("Evidence"), "Looked at the dashboard for ten minutes: nothing unusual.");
    await hand.press(item.getByRole("button", { name: "Answer", exact: true }));
    await expect(page.locator("li.check-item", { hasText: key })).toContainText("ten minutes");
  }
  // A probe that measured red on a busy machine is accepted with a reason, as a lead would.
  for (let red = page.locator("li.check-item", { hasText: "Accept although red" }); (await red.count()) > 0; ) {
    const item = red.first();
    await hand.press(item.getByText("Accept although red"));
    await hand.fill(item.getByLabel("Reason"), "The machine was busy with other tests.");
    await hand.press(item.getByRole("button", { name: "Accept with this reason" }));
    await page.goto(list);
    red = page.locator("li.check-item", { hasText: "Accept although red" });
  }
  const close = page.locator(`form[action='/windows/${number}/close']`);
  const issues = close.getByLabel("Issues met");
  if ((await issues.count()) > 0) await hand.fill(issues, "A probe was red while the machine was busy.");
  await hand.press(close.getByRole("button", { name: "Sign off and close" }));
  await expect(page.locator("main")).toContainText("Completed");
}

export function wholeJob({ script }: { script: boolean }) {
  test.describe.configure({ mode: "serial" });
  const window = (demo: Demo) => `${demo.address}/windows/${NUMBER}`;
  const looked = async (page: Page) => { if (script) await wellMade(page); };
  const handOf = (page: Page) => (script ? keyboard(page) : mouse);

  test("an engineer proposes a window, is told what is wrong, sees what would be done, and seals it", async ({ page, demo }) => {
    const hand = handOf(page);
    await signIn(page, demo, "engineer", hand);
    await page.goto(`${demo.address}/windows/new?database=shop`);
    await looked(page);
    await hand.fill(page.getByLabel("Reason"), REASON);
    await hand.fill(page.getByLabel("Date"), soon(45).date);
    await hand.fill(page.getByLabel("Duration, minutes"), "2");
    await hand.press(page.locator("summary", { hasText: "Thresholds" }));
    for (const [field, value] of [["vacuum_min_dead_rows", "1000"], ["reindex_look_min_mib", "0"], ["reindex_min_waste_mib", "1"]] as const) {
      await hand.fill(page.locator(`[name=${field}]`), value);
    }
    await hand.press(page.getByRole("button", { name: "Look at the database" }));
    // The refusal names the limit, and what was typed is still there.
    await expect(page.locator(".error-summary")).toContainText("5 minutes");
    await expect(page.getByLabel("Reason")).toHaveValue(REASON);
    await expect(page.locator("[name=reindex_min_waste_mib]")).toHaveValue("1");
    await hand.fill(page.getByLabel("Duration, minutes"), "120");
    const start = soon(45);
    await hand.fill(page.getByLabel("Date"), start.date);
    await hand.fill(page.getByLabel("Start", { exact: true }), start.time);
    await hand.press(page.getByRole("button", { name: "Look at the database" }));
    await until(page, page.url(), /REINDEX INDEX CONCURRENTLY/, 60_000);
    await expect(page.locator("main")).toContainText("cart_token_idx");
    await looked(page);
    await hand.press(page.getByRole("button", { name: "Seal and propose", exact: true }));
    await expect(page).toHaveURL(window(demo));
    await expect(page.locator("main")).toContainText("Waiting for approval");
  });

  test("a stakeholder approves by the link in a mail, without an account", async ({ page, demo }) => {
    const hand = handOf(page);
    await signIn(page, demo, "admin", hand);
    const request = await mail(page, demo, person(demo, "stakeholder").email, new RegExp(`^\\[Approval needed\\] #${NUMBER} `));
    expect(request.calendar).toContain("BEGIN:VEVENT");
    await signOut(page, hand);
    const link = request.links.find((to) => to.includes("/a/"));
    expect(link, request.text).toBeTruthy();
    // Scanners open links: nothing may come of it.
    for (let visit = 0; visit < 5; visit += 1) expect((await page.request.get(link!)).status()).toBe(200);
    await page.goto(link!);
    await looked(page);
    await hand.press(page.getByRole("button", { name: "Approve this plan" }));
    await expect(page.getByText("type the database's short name", { exact: false }).first()).toBeVisible();
    await hand.fill(page.getByLabel(/To approve, type the short name/), "shop");
    await hand.press(page.getByRole("button", { name: "Approve this plan" }));
    await expect(page.locator("h1")).toContainText("You have decided");
    await page.goto(link!);
    await expect(page.getByRole("button", { name: "Approve this plan" })).toHaveCount(0);
  });

  test("a lead approves on the window's page, and the quorum stands", async ({ page, demo }) => {
    const hand = handOf(page);
    await signIn(page, demo, "lead", hand);
    await page.goto(window(demo));
    await expect(page.locator("main")).toContainText("Waiting for approval");
    await looked(page);
    const vote = page.locator("#vote");
    await hand.check(vote.getByLabel("Approve", { exact: false }).first());
    await hand.fill(vote.getByLabel("Short name of the database"), "shop");
    await hand.press(vote.getByRole("button", { name: "Send my decision" }));
    await expect(page.locator("main")).toContainText(/Approved|Running|Validating/);
  });

  test("the window runs on the database by itself, and its work has an effect", async ({ page, demo }) => {
    const hand = handOf(page);
    await signIn(page, demo, "engineer", hand);
    await until(page, window(demo), /Validating|On hold|Failed/, 170_000);
    await expect(page.locator("main")).toContainText("Validating");
    await hand.press(page.locator("main a[href^='/runs/']").first());
    await expect(page.locator("main")).toContainText("cart_token_idx");
    await expect(page.locator("main")).toContainText("Finished");
    await looked(page);
  });

  test("the validation list is answered and the window closed", async ({ page, demo }) => {
    const hand = handOf(page);
    await signIn(page, demo, "lead", hand);
    await signOff(page, demo.address, NUMBER, hand, looked);
    await signOut(page, hand);
    await signIn(page, demo, "admin", hand);
    await mail(page, demo, "mara@shop.example", new RegExp(`^\\[All clear\\] #${NUMBER} `));
  });

  test("the auditor reads the trail, and everybody can verify it offline", async ({ page, demo }) => {
    const hand = handOf(page);
    await signIn(page, demo, "auditor", hand);
    await page.goto(`${demo.address}/audit`);
    await looked(page);
    await expect(page.locator("main")).toContainText("window.close");
    const anchor = path.join(demo.folder, "worker", "anchors.jsonl");
    const said = execFileSync(program, ["trail", "verify", "--data-dir", demo.folder, "--anchor", anchor], { encoding: "utf8", env: environment });
    expect(said).toMatch(/proven/);
  });
}

/** Fills in the form of a procedure whose lines are typed, for a start in so many seconds, and has the database looked at. */
export async function typed(page: Page, address: string, what: { procedure: string; field: string; reason: string }, lines: string, seconds: number) {
  await page.goto(`${address}/windows/new?database=shop`);
  await page.getByLabel("Reason").fill(what.reason);
  await page.getByRole("radio", { name: what.procedure }).check();
  await page.getByRole("button", { name: "Show its fields" }).click();
  await page.getByLabel(what.field, { exact: true }).fill(lines);
  const start = soon(seconds);
  await page.getByLabel("Date").fill(start.date);
  await page.getByLabel("Start", { exact: true }).fill(start.time);
  await page.getByRole("button", { name: "Look at the database" }).click();
}
