// Somebody is away, and somebody else votes in their place: said on one's own page, asked by a link of one's own, and seen by everybody.
import { expect, mail, person, signIn, signOut, test } from "./demo";
import { wellMade } from "./looks";

test.use({ demoOf: "absence" });
test.describe.configure({ mode: "serial" });

/** A day so many days from now, where the demo's people live. */
function day(days: number): string {
  return new Date(Date.now() + days * 24 * 3600 * 1000).toLocaleDateString("sv-SE", { timeZone: "Europe/Berlin" });
}

test("a stakeholder says when they are away, and who votes meanwhile", async ({ page, demo }) => {
  await signIn(page, demo, "stakeholder");
  await page.goto(`${demo.address}/me`);
  await page.getByRole("link", { name: "Absences", exact: true }).click();
  const form = page.locator("form[action='/me/absence']");
  await form.getByLabel("First day away").fill(day(0));
  await form.getByLabel("Last day away").fill(day(4));
  await form.getByLabel("Votes meanwhile").fill("nobody@shop.example");
  await form.getByRole("button", { name: "Save" }).click();
  // The refusal is at its field, and the days are still there.
  await expect(page.locator(".error-summary")).toContainText("Nobody here has this address");
  await expect(form.getByLabel("Last day away")).toHaveValue(day(4));
  await wellMade(page);
  await form.getByLabel("Votes meanwhile").fill(person(demo, "admin").email);
  await form.getByRole("button", { name: "Save" }).click();
  const own = page.locator("main li", { hasText: "away now" });
  await expect(own).toContainText("Ada Andersen votes meanwhile");
  await wellMade(page);
  await page.goto(`${demo.address}/windows/1`);
  await expect(page.locator("#approvals")).toContainText(/Sten Sommer \(away until /);
  await wellMade(page);
});

test("the delegate is asked about what waits already, and votes in the place of who is away", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  const request = await mail(page, demo, person(demo, "admin").email, /^\[Approval needed\] #1 /);
  expect(request.text).toContain("in the place of Sten Sommer");
  await page.goto(demo.address);
  await expect(page.locator("main")).toContainText("in the place of Sten Sommer");
  await signOut(page);
  await page.goto(request.links.find((to) => to.includes("/a/"))!);
  await expect(page.locator("main")).toContainText("You decide for");
  await wellMade(page);
  await page.getByLabel(/To approve, type the short name/).fill("shop");
  await page.getByRole("button", { name: "Approve this plan" }).click();
  await expect(page.locator("h1")).toContainText("You have decided");
});

test("everybody sees for whom it was, and who is back may decide instead", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  const told = await mail(page, demo, person(demo, "stakeholder").email, /^\[Decided in your place\] #1 /);
  expect(told.text).toContain("Ada Andersen decided in your place: approve");
  await signOut(page);
  await signIn(page, demo, "stakeholder");
  await page.goto(`${demo.address}/windows/1`);
  await expect(page.locator("#approvals")).toContainText("Ada Andersen for Sten Sommer");
  await expect(page.locator("#approvals")).toContainText("by Ada Andersen");
  await page.goto(`${demo.address}/windows`);
  await expect(page.locator("main")).toContainText(/waiting for .*Lena Lindqvist/);
  await page.goto(`${demo.address}/me/absence`);
  await page.getByRole("button", { name: "Back now: end it" }).click();
  await expect(page.locator("main")).toContainText("Nothing planned");
  await page.goto(`${demo.address}/windows/1`);
  const vote = page.locator("#vote");
  await vote.getByLabel("Approve", { exact: false }).first().check();
  await vote.getByLabel("Short name of the database").fill("shop");
  await vote.getByRole("button", { name: "Send my decision" }).click();
  // The seat is filled once: by whoever holds it, now that they decided.
  await expect(page.locator("#approvals")).toContainText("by Sten Sommer");
  await expect(page.locator("#approvals")).not.toContainText("by Ada Andersen");
});
