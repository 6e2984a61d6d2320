// A second factor, as a lead sets it up and signs in with it: the test is the app on the phone.
import { expect, mail, person, signIn, signOut, test, type Demo } from "./demo";
import { wellMade } from "./looks";
import { phone } from "./phone";
import type { Page } from "@playwright/test";

test.use({ demoOf: "factor" });
test.describe.configure({ mode: "serial" });

const app = phone();
let codes: string[] = [];

async function enter(page: Page, demo: Demo) {
  const { email, password } = person(demo, "lead");
  await page.goto(`${demo.address}/login?next=/me/factor`);
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

test("a lead sets up a second factor and keeps the recovery codes", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await page.goto(`${demo.address}/me`);
  await page.getByRole("link", { name: "Your second factor" }).click();
  await wellMade(page);
  await page.getByRole("button", { name: "Set up a second factor" }).click();
  await app.learn(page);
  await wellMade(page);
  await page.getByLabel("Code of the app").fill("12");
  await page.getByRole("button", { name: "Turn it on" }).click();
  await expect(page.locator(".error-summary")).toContainText("six digits");
  await wellMade(page);
  await page.getByLabel("Code of the app").fill(await app.fresh());
  await page.getByRole("button", { name: "Turn it on" }).click();
  await expect(page.locator("h1")).toContainText("keep these codes");
  await wellMade(page);
  codes = await page.locator("#codes li").allTextContents();
  expect(codes).toHaveLength(10);
  await page.getByRole("link", { name: /^I have kept them/ }).click();
  await expect(page.locator("main")).toContainText("10 left");
  await wellMade(page);
  await signOut(page);
});

test("the sign-in asks for it, and takes each code once", async ({ page, demo }) => {
  await enter(page, demo);
  await expect(page).toHaveURL(/\/login\/factor/);
  await wellMade(page);
  await page.goto(`${demo.address}/windows`);
  await expect(page.getByRole("button", { name: "Sign in", exact: true })).toBeVisible();
  await enter(page, demo);
  await page.getByLabel(/^Code of your app/).fill(app.used());
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.locator(".error-summary")).toContainText("used before");
  await page.getByLabel(/^Code of your app/).fill(await app.fresh());
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.locator("main")).toContainText("Asked for since");
  await signOut(page);
});

test("a recovery code stands in for a lost phone, and a mail says so", async ({ page, demo }) => {
  await enter(page, demo);
  await page.getByLabel(/^Code of your app/).fill(codes[0]!);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.locator("main")).toContainText("9 left");
  await signOut(page);
  await signIn(page, demo, "admin");
  const told = await mail(page, demo, person(demo, "lead").email, /^\[Second factor\] Recovery code used/);
  expect(told.text).toContain("9 recovery codes are left");
  await page.goto(`${demo.address}/people?q=${encodeURIComponent(person(demo, "lead").email)}`);
  await page.locator("main th a").first().click();
  await expect(page.locator("main")).toContainText("Second factor");
  await wellMade(page);
  await page.getByLabel("Why").fill("Lost phone and codes.");
  await page.getByRole("button", { name: "Remove the second factor" }).click();
  await expect(page.locator("main")).toContainText("no vote of theirs counts for 24 hours");
});
