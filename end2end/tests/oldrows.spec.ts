// Old rows: a rule a line, refused where it would reach further; looked at on the database, approved, moved and counted.
import { expect, signIn, signOut, test } from "./demo";
import { approve, typed, until } from "./journey";
import { wellMade } from "./looks";
import { sql } from "./sql";

test.use({ demoOf: "oldrows" });
test.describe.configure({ mode: "serial" });

const RULE = "shop.stock_movement by at older than 5 days, move to shop.stock_archive";

const FORM = { procedure: "old rows (PostgreSQL)", field: "Old rows", reason: "The table of movements grows for ever." };

test("a line that is no rule is refused, and nothing typed is lost", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await typed(page, demo.address, FORM, `${RULE}\ncart older than 9 days`, 3_600);
  await expect(page.locator(".error-summary")).toContainText("Line 2: write TABLE by COLUMN older than 90 days, delete");
  await expect(page.getByLabel("Old rows", { exact: true })).toHaveValue(/stock_archive\ncart/);
  await wellMade(page);
});

test("the look says what would reach further, and how many rows are old", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await typed(page, demo.address, FORM, `${RULE}\nshop.cart by seen_at older than 4 days, delete\nshop.orders by state older than 1 year, delete`, 3_600);
  await until(page, page.url(), /Nothing would be sent/, 60_000);
  const main = page.locator("main");
  await expect(main).toContainText("there is no table shop.stock_archive");
  await expect(main).toContainText("state is of the type text, which does not say how old a row is");
  await expect(main).toContainText(/Rows of shop\.cart whose seen_at is older than 4 days are deleted\. Now: [\d,]+ rows\./);
  await expect(page.locator("#change")).toContainText("FOR UPDATE SKIP LOCKED");
  await expect(page.locator("#change")).toContainText("come back from a backup only");
  await wellMade(page);
});

test("approved, rows are moved and counted", async ({ page, demo }) => {
  sql(demo, "shop", "SET ROLE shop_owner; CREATE TABLE shop.stock_archive (LIKE shop.stock_movement INCLUDING ALL)");
  await signIn(page, demo, "engineer");
  await typed(page, demo.address, FORM, RULE, 60);
  await until(page, page.url(), /are moved to shop\.stock_archive\. Now: [\d,]+ rows\./, 60_000);
  await page.getByRole("button", { name: "Seal and propose", exact: true }).click();
  await expect(page.locator("main")).toContainText("Waiting for approval");
  const number = new URL(page.url()).pathname.split("/").pop()!;
  await wellMade(page);
  await signOut(page);
  for (const role of ["stakeholder", "lead"] as const) await approve(page, demo, role, number);
  await signIn(page, demo, "engineer");
  await until(page, `${demo.address}/windows/${number}`, /Validating|Failed|On hold/, 170_000);
  await expect(page.locator("main")).toContainText("Validating");
  const run = await page.locator("a[href^='/runs/']").first().getAttribute("href");
  await page.goto(demo.address + run!);
  await expect(page.locator("main")).toContainText(/[\d,]+ rows moved/);
  await wellMade(page);
  const moved = "SELECT (SELECT count(*) FROM shop.stock_movement) + (SELECT count(*) FROM shop.stock_archive)";
  expect(Number(sql(demo, "shop", moved))).toBe(60_000);
  expect(Number(sql(demo, "shop", "SELECT count(*) FROM shop.stock_archive"))).toBeGreaterThan(15_000);
});
