// Takes the pictures that the README shows, in the order in which a window lives: approval by mail, plan, run, validation, trail.
import path from "node:path";
import { expect, mail, person, signIn, signOut, test } from "../tests/demo";
import type { Page } from "@playwright/test";

test.use({ demoOf: "pictures" });

const take = (page: Page, name: string) => page.screenshot({ path: path.join(import.meta.dirname, `${name}.png`), animations: "disabled" });

async function until(page: Page, url: string, text: RegExp, timeout: number) {
  await expect(async () => {
    await page.goto(url);
    await expect(page.locator("main")).toContainText(text, { timeout: 1_000 });
  }).toPass({ timeout });
}

test("the pictures of the README", async ({ page, demo }) => {
  // The demo's window starts some minutes after the demo.
  test.setTimeout(480_000);
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  const window = `${demo.address}/windows/1`;
  await signIn(page, demo, "admin");
  const stakeholder = await mail(page, demo, person(demo, "stakeholder").email, /^\[Approval needed\] #1 /);
  const lead = await mail(page, demo, person(demo, "lead").email, /^\[Approval needed\] #1 /);
  await signOut(page);
  for (const request of [stakeholder, lead]) {
    await page.goto(request.links.find((link) => link.includes("/a/"))!);
    if (request === stakeholder) await take(page, "approval");
    await page.getByLabel(/To approve, type the short name/).fill("shop");
    await page.getByRole("button", { name: "Approve this plan" }).click();
    await expect(page.getByRole("button", { name: "Approve this plan" })).toHaveCount(0);
  }
  await signIn(page, demo, "engineer");
  await page.goto(demo.address);
  await take(page, "home");
  await page.goto(window);
  await take(page, "window");
  await page.goto(`${demo.address}/databases`);
  await page.locator("main th a[href^='/databases/'], main td a[href^='/databases/']").first().click();
  await take(page, "database");
  const run = page.locator("main a[href^='/runs/']").first();
  await expect(async () => {
    await page.goto(window);
    await expect(run).toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 240_000 });
  await run.click();
  await expect(page.getByRole("heading", { name: /^Now: item [4-8]/ })).toBeVisible({ timeout: 30_000 });
  await take(page, "run");
  await until(page, window, /Validating/, 120_000);
  await page.goto(`${window}/checklist`);
  await take(page, "validation");
  await signOut(page);
  await signIn(page, demo, "auditor");
  await page.goto(`${demo.address}/audit`);
  await take(page, "audit");
});
