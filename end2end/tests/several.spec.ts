// Two databases of one tag in one window: staging first, production when staging ended clean. Real runs on real databases.
import { expect, mail, person, signIn, signOut, test } from "./demo";
import { soon, until } from "./journey";
import { wellMade } from "./looks";

test.use({ demoOf: "several" });
test.describe.configure({ mode: "serial" });

let number = "";

test("a tag brings its databases into one window, those before production first", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/windows/new`);
  await wellMade(page);
  await page.getByRole("link", { name: "shop", exact: true }).click();
  await expect(page.locator("[name='wave.shop-staging']")).toHaveValue("1");
  await expect(page.locator("[name='wave.shop']")).toHaveValue("2");
  await wellMade(page);
  await page.getByLabel("Reason").fill("Dead rows on both.");
  const start = soon(60);
  await page.getByLabel("Date").fill(start.date);
  await page.getByLabel("Start", { exact: true }).fill(start.time);
  await page.getByLabel("Watch each wave, minutes").fill("99999");
  await page.getByRole("button", { name: "Look at the database" }).click();
  // The refusal is at its field, and the order that was chosen is still there.
  await expect(page.getByLabel("Watch each wave, minutes")).toHaveValue("99999");
  await expect(page.locator("[name='wave.shop']")).toHaveValue("2");
  await wellMade(page);
  await page.getByLabel("Watch each wave, minutes").fill("");
  const later = soon(60);
  await page.getByLabel("Date").fill(later.date);
  await page.getByLabel("Start", { exact: true }).fill(later.time);
  await page.getByRole("button", { name: "Look at the database" }).click();
  // A look at each of them: the copy is fresh, so it has no dead rows, and no statistics either.
  await until(page, page.url(), /Measured[^]*VACUUM[^]*Measured[^]*ANALYZE/, 60_000);
  await expect(page.locator("main")).toContainText("Wave 2");
  await wellMade(page);
  await page.getByRole("button", { name: "Seal and propose", exact: true }).click();
  await expect(page.locator("main")).toContainText("Waiting for approval");
  number = new URL(page.url()).pathname.split("/").pop()!;
  await expect(page.locator("#databases")).toContainText("shop-staging");
  await wellMade(page);
});

test("one decision of each person counts for both databases", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  const request = await mail(page, demo, person(demo, "stakeholder").email, new RegExp(`^\\[Approval needed\\] #${number} `));
  expect(request.text).toContain("shop-staging");
  await signOut(page);
  await page.goto(request.links.find((to) => to.includes("/a/"))!);
  await expect(page.locator("main")).toContainText("shop-staging");
  await wellMade(page);
  await page.getByLabel(/To approve, type the short name/).fill("shop");
  await page.getByRole("button", { name: "Approve this plan" }).click();
  await expect(page.locator("h1")).toContainText("You have decided");
  await signIn(page, demo, "lead");
  await page.goto(`${demo.address}/windows/${number}`);
  const vote = page.locator("#vote");
  await vote.getByLabel("Approve", { exact: false }).first().check();
  await vote.getByLabel("Short name of the database").fill("shop");
  await vote.getByRole("button", { name: "Send my decision" }).click();
  await expect(page.locator("main")).toContainText(/Approved|Running|Validating/);
});

test("staging runs first, and production once it ended clean", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await until(page, `${demo.address}/windows/${number}`, /Validating|On hold|Failed/, 170_000);
  await expect(page.locator("main")).toContainText("Validating");
  const lanes = page.locator("#databases tbody tr");
  await expect(lanes).toHaveCount(2);
  await expect(lanes.nth(0)).toContainText("shop-staging");
  await wellMade(page);
  const runs = await lanes.locator("a[href^='/runs/']").evaluateAll((links) => links.map((link) => link.getAttribute("href")!));
  expect(new Set(runs).size).toBe(2);
  for (const run of runs) {
    await page.goto(demo.address + run);
    await expect(page.locator("main")).toContainText("Finished");
  }
});
