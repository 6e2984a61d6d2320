// A rehearsal: demanded by a policy, said where there is none, run for real on the copy, and attached to the plan for the production database.
import { expect, signIn, signOut, test, type Demo, type Role } from "./demo";
import { agree, approve, signOff, soon, until } from "./journey";
import { wellMade } from "./looks";
import type { Page } from "@playwright/test";

test.use({ demoOf: "rehearsal" });
test.describe.configure({ mode: "serial" });

let rehearsed = "";

/** The form with what both windows share: the same thresholds, or it is no rehearsal. */
async function fill(page: Page, demo: Demo, database: string, seconds: number) {
  await page.goto(`${demo.address}/windows/new?database=${database}`);
  await page.getByLabel("Reason").fill("The statistics are out of date.");
  const start = soon(seconds);
  await page.getByLabel("Date").fill(start.date);
  await page.getByLabel("Start", { exact: true }).fill(start.time);
}

test("a policy for production demands one, once those whom it rules agree", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  // The demo keeps an example that a new policy for production would break.
  await page.goto(`${demo.address}/policies/who`);
  await page.getByRole("row", { name: /Weekly on the shop/ }).getByRole("button", { name: "Forget" }).click();
  await page.goto(`${demo.address}/policies/new`);
  await page.getByLabel("Name", { exact: true }).fill("Production");
  await page.getByRole("group", { name: "What it rules: environments" }).getByLabel("Production").check();
  await page.getByLabel("Before such a window").selectOption("needed");
  await page.getByLabel("Ended at most so many days before the start").fill("14");
  await wellMade(page);
  await page.getByRole("button", { name: /^Propose/ }).click();
  await expect(page).not.toHaveURL(/\/new/);
  await signOut(page);
  await agree(page, demo, /rehearsal/i);
});

test("without one nothing is proposed, and what is missing is said", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await fill(page, demo, "shop", 3 * 86_400);
  await expect(page.locator("main")).toContainText("Needs a rehearsal:");
  await page.getByRole("button", { name: "Look at the database" }).click();
  await expect(page.locator(".error-summary")).toContainText("Nothing like it has run");
  await expect(page.locator(".error-summary")).toContainText("Propose it on shop-staging first");
  await expect(page.getByLabel("Reason")).toHaveValue("The statistics are out of date.");
  await wellMade(page);
});

test("it is run for real on the copy, and signed off", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await fill(page, demo, "shop-staging", 45);
  await page.getByRole("button", { name: "Look at the database" }).click();
  await until(page, page.url(), /ANALYZE/, 60_000);
  await page.getByRole("button", { name: /^Seal and propose/ }).click();
  await expect(page.locator("main")).toContainText("Waiting for approval");
  rehearsed = new URL(page.url()).pathname.split("/").pop()!;
  await signOut(page);
  for (const role of ["stakeholder", "lead"] as const) await approve(page, demo, role, rehearsed, "shop-staging");
  await signIn(page, demo, "lead");
  await until(page, `${demo.address}/windows/${rehearsed}`, /Validating/, 170_000);
  await signOff(page, demo.address, rehearsed);
});

test("its result stands in the plan for production", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await fill(page, demo, "shop", 3 * 86_400);
  await page.getByRole("button", { name: "Look at the database" }).click();
  // Until the look is there the page loads itself again.
  await until(page, page.url(), /Rehearsed on shop-staging[^]*ANALYZE|ANALYZE[^]*Rehearsed on shop-staging/, 60_000);
  await wellMade(page);
  await page.getByRole("button", { name: /^Seal and propose/ }).click();
  await expect(page.locator("main")).toContainText("Waiting for approval");
  await expect(page.locator("main")).toContainText(`Rehearsed on shop-staging (staging) by window #${rehearsed}`);
  await expect(page.locator("main")).toContainText(/checks? passed/);
  await wellMade(page);
});
