// Break-glass: the engineer asks, the deputy confirms, security hears at once, it runs without a vote, and the lead reviews it.
import { expect, mail, person, signIn, signOut, test } from "./demo";
import { wellMade } from "./looks";

test.use({ demoOf: "glass" });
test.describe.configure({ mode: "serial" });

const why = "Orders cannot be placed since one o'clock: the index is corrupt.";

test("one asks, and nothing is approved by it", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/windows/1`);
  const card = page.locator("#glass");
  await card.locator("summary").filter({ hasText: "Break the glass" }).click();
  await wellMade(page);
  await card.getByLabel("Why it cannot wait").fill("hurry");
  await card.getByLabel("Short name of the database").fill("shop");
  await card.getByRole("button", { name: "Break the glass", exact: true }).click();
  await expect(page.locator(".error-summary")).toContainText("At least 20 characters");
  await wellMade(page);
  await card.getByLabel("Why it cannot wait").fill(why);
  await card.getByRole("button", { name: "Break the glass", exact: true }).click();
  await expect(page.locator("#glass")).toContainText("waits for a second person");
  await expect(page.locator(".window-line").first()).toContainText("Waiting for approval");
  await wellMade(page);
  await signOut(page);
});

test("another one confirms, and everybody is told at once", async ({ page, demo }) => {
  await signIn(page, demo, "deputy");
  await page.goto(`${demo.address}/windows/1`);
  const card = page.locator("#glass");
  await expect(card).toContainText(why);
  await card.locator("summary").filter({ hasText: "Confirm the break-glass" }).click();
  await card.getByLabel("Short name of the database").fill("shop");
  await card.getByRole("button", { name: "Confirm the break-glass", exact: true }).click();
  await expect(page.locator("main")).toContainText("without the approvals of its policy");
  await expect(card).toContainText("review owed");
  await wellMade(page);
  for (const role of ["auditor", "admin", "stakeholder"] as const) {
    const told = await mail(page, demo, person(demo, role).email, /^\[Break-glass\] #1 /);
    expect(told.text).toContain(why);
  }
  await signOut(page);
});

test("it runs without a vote, and somebody else reviews it", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await expect(page.locator("main")).toContainText("The glass was broken: review it by ");
  await wellMade(page);
  await expect(async () => {
    await page.goto(`${demo.address}/windows/1`);
    await expect(page.locator("#runs")).toContainText("by the schedule", { timeout: 1_000 });
  }).toPass({ timeout: 160_000 });
  await expect(page.locator("#approvals")).toContainText("without these approvals");
  const card = page.locator("#glass");
  await card.locator("summary").filter({ hasText: "Review it" }).click();
  await card.getByLabel("Not justified").check();
  await card.getByLabel("What you found").fill("It could have waited until noon.");
  await card.getByRole("button", { name: "Write the review" }).click();
  await expect(page.locator("#glass")).toContainText("reviewed: not justified");
  await wellMade(page);
  await page.goto(`${demo.address}/windows/1/evidence`);
  await expect(page.locator("main")).toContainText("It could have waited until noon.");
  await wellMade(page);
});
