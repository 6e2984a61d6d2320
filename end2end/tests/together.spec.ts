// Dates of a series approved together: asked once, approved by one vote a person, taken back, and a date that is moved asks by itself.
import { expect, mail, person, signIn, signOut, test, type Demo, type Role } from "./demo";
import { day, soon, until } from "./journey";
import { wellMade } from "./looks";
import type { Page } from "@playwright/test";

test.use({ demoOf: "together" });
test.describe.configure({ mode: "serial" });

let series = "";

async function approve(page: Page, demo: Demo, role: Role) {
  await signIn(page, demo, role);
  await page.goto(`${series}/approval`);
  const vote = page.locator("#vote");
  await vote.getByLabel("Short name of the database").fill("shop");
  await vote.getByRole("button", { name: "Approve these dates" }).click();
  await expect(page.locator("main")).toContainText("Your approval was recorded.");
}

test("what waits for an approval is on the first page of those who are asked", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await page.getByRole("link", { name: /Series Sunday maintenance/ }).click();
  await expect(page.locator("h1")).toHaveText("Approve dates together");
  await expect(page.locator("#vote")).toContainText("You approve");
  await wellMade(page);
  await signOut(page);
});

test("an engineer asks once for the next dates", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/series/new?database=shop`);
  await page.getByLabel("Title").fill("Nightly statistics");
  await page.getByLabel("Reason").fill("The queries of the morning need fresh statistics.");
  await page.getByLabel("From").fill(day(5));
  await page.getByLabel("Start", { exact: true }).fill("03:00");
  await page.getByLabel("Repeats").selectOption("daily");
  await page.getByLabel("Ends").selectOption("count");
  await page.getByLabel("Number of dates").fill("3");
  // No window is proposed before the day in front of its date: what is asked about comes first.
  await page.getByLabel("Propose each window, days ahead").fill("1");
  await page.getByRole("button", { name: "Show its dates" }).click();
  await page.getByRole("button", { name: "Save the series" }).click();
  await expect(page.locator("h1")).toHaveText("Nightly statistics");
  series = page.url().replace(/[?#].*/, "");
  await page.getByLabel("How many of the next dates").fill("3");
  await page.getByRole("button", { name: "Ask once for the next dates" }).click();
  await expect(page.locator("main")).toContainText("3 dates are put together.");
  await expect(page.locator("main")).toContainText("Nobody has approved these dates yet.");
  await expect(page.locator("main")).toContainText("You do not vote here");
  await wellMade(page);
  await signOut(page);
});

test("each approves once, is told so by mail, and takes it back", async ({ page, demo }) => {
  await approve(page, demo, "lead");
  await wellMade(page);
  await signOut(page);
  await approve(page, demo, "stakeholder");
  await expect(page.locator("main")).toContainText("Has the votes");
  const told = await mail(page, demo, person(demo, "stakeholder").email, /^\[Your approval was recorded\] shop: Nightly statistics/);
  expect(told.text).toContain("3 dates of this series together");
  await page.getByRole("button", { name: "Take my approval back" }).click();
  await expect(page.locator("main")).toContainText("Your approval was taken back.");
  await expect(page.locator("main")).toContainText("1 approval missing");
  await wellMade(page);
  await signOut(page);
  await approve(page, demo, "stakeholder");
  await expect(page.locator("main")).toContainText("Has the votes");
  await signOut(page);
});

test("a date that is moved asks by itself", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await page.goto(`${series}?date=${day(5)}#change`);
  const move = page.locator("form[action$='/move']");
  // Within the day in which a window is proposed, whatever time of day it is now.
  const start = soon(12 * 3_600);
  await move.getByLabel("Date").fill(start.date);
  await move.getByLabel("Start").fill(start.time);
  await move.getByLabel("Why it is moved").fill("The import comes sooner this time.");
  await move.getByRole("button", { name: "Move it" }).click();
  await expect(page.locator("main")).toContainText("Moved to");
  // It is due to be proposed now, and is not what people approved.
  await until(page, `${series}/approval`, /Asks by itself/, 90_000);
  await wellMade(page);
  await page.locator("main td a[href^='/windows/']").first().click();
  await expect(page.locator("main")).toContainText("Waiting for approval");
  await expect(page.locator("main")).toContainText("asks by itself Its start is none of those");
});

// The policy of billing's reviews asks one of the shop's leads and deputies, and a stakeholder who is in the shop's team, too.
test("somebody of another team approves dates together, and sees nothing else of that team", async ({ page, demo, another }) => {
  await signIn(page, demo, "lead");
  await page.goto(`${demo.address}/series/new?database=invoices`);
  await page.getByRole("radio", { name: "monthly review (PostgreSQL)" }).check();
  await page.getByRole("button", { name: "Show its fields" }).click();
  await page.getByLabel("Title").fill("Evening reviews");
  await page.getByLabel("Reason", { exact: true }).fill("Each evening of the week shows other queries.");
  await page.getByLabel("From").fill(day(11));
  await page.getByLabel("Start", { exact: true }).fill("21:00");
  await page.getByLabel("Repeats").selectOption("daily");
  await page.getByLabel("Ends").selectOption("count");
  await page.getByLabel("Number of dates").fill("2");
  await page.getByLabel("Propose each window, days ahead").fill("1");
  await page.getByRole("button", { name: "Show its dates" }).click();
  await page.getByRole("button", { name: "Save the series" }).click();
  await expect(page.locator("h1")).toHaveText("Evening reviews");
  const reviews = page.url().replace(/[?#].*/, "");
  await page.getByLabel("How many of the next dates").fill("2");
  await page.getByRole("button", { name: "Ask once for the next dates" }).click();
  await expect(page.locator("main")).toContainText("2 dates are put together.");
  await expect(page.locator("main")).toContainText(/Leads and deputies of another team\s*0 of 1 waiting for Dario Duarte, known at least signed in/);

  const deputy = await another("deputy");
  const request = await mail(deputy, demo, person(demo, "deputy").email, /^\[Approval of dates together\] invoices: Evening reviews/);
  await deputy.goto(request.links.find((to) => to.startsWith(reviews))!);
  await expect(deputy.locator("h1")).toHaveText("Approve dates together");
  await expect(deputy.locator("main")).toContainText("You are asked by the policy of these dates, without being in the owner team");
  await wellMade(deputy);
  const vote = deputy.locator("#vote");
  await vote.getByLabel("Short name of the database").fill("shop");
  await vote.getByRole("button", { name: "Approve these dates" }).click();
  await expect(deputy.locator(".error-summary")).toContainText("type the database's short name: invoices");
  await vote.getByLabel("Short name of the database").fill("invoices");
  await vote.getByRole("button", { name: "Approve these dates" }).click();
  await expect(deputy.locator("main")).toContainText("Your approval was recorded.");
  await expect(deputy).toHaveURL(/\/approval(#.*)?$/);
  await expect(deputy.locator("main")).toContainText("1 approval missing");
  expect((await deputy.goto(reviews))?.status()).toBe(404);

  const stakeholder = await another("stakeholder");
  await stakeholder.getByRole("link", { name: /Series Evening reviews/ }).click();
  await expect(stakeholder).toHaveURL(`${reviews}/approval`);
  await stakeholder.locator("#vote").getByLabel("Short name of the database").fill("invoices");
  await stakeholder.locator("#vote").getByRole("button", { name: "Approve these dates" }).click();
  await expect(stakeholder.locator("main")).toContainText("Has the votes");
  await page.goto(reviews);
  await expect(page.locator("#together")).toContainText(/Leads and deputies of another team\s*1 of 1 by Dario Duarte/);
  await expect(page.locator("#together").getByText("Has the votes")).toHaveCount(2);
});
