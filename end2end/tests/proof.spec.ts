// The proof of a backup: asked for in the browser, made by a worker that restores the newest one, demanded by a policy.
import { expect, mail, person, signIn, signOut, test } from "./demo";
import { agree, soon, until } from "./journey";
import { wellMade } from "./looks";
import { sql } from "./sql";

test.use({ demoOf: "proof" });
test.describe.configure({ mode: "serial" });

let database = "";

test("a whole backup is restored, compared and on record", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/databases`);
  await page.getByRole("link", { name: "Shop", exact: true }).click();
  database = page.url();
  const card = page.locator("#backups");
  await expect(card).not.toContainText("Proven");
  await card.getByRole("button", { name: "Prove the newest backup" }).click();
  await expect(card.getByRole("status")).toContainText("Proving");
  await until(page, database, /A worker restored it into PostgreSQL/, 120_000);
  await expect(card.getByText("Proven", { exact: true })).toHaveCount(2);
  await expect(card).toContainText("shop/nightly.dump");
  await wellMade(page);
  await page.goto(`${demo.address}/databases`);
  await expect(page.getByRole("row").filter({ hasText: "Restored by a worker: the one of" })).toHaveCount(1);
  await wellMade(page);
});

test("what came after it is missing in it, and is named", async ({ page, demo }) => {
  sql(demo, "shop", "CREATE TABLE shop.later (id int); ALTER TABLE shop.later OWNER TO shop_owner");
  await signIn(page, demo, "lead");
  await page.goto(database);
  const card = page.locator("#backups");
  await card.getByRole("button", { name: "Prove the newest backup" }).click();
  await until(page, database, /Not proven/, 120_000);
  await expect(card).toContainText("The backup lacks 1 table of the database: shop.later.");
  await expect(card).toContainText("Take a backup anew");
  // What was proven before stays on record.
  await expect(card.getByText("Proven", { exact: true })).toHaveCount(1);
  await wellMade(page);
  sql(demo, "shop", "DROP TABLE shop.later");
});

test("a stakeholder reads what was found, and cannot ask", async ({ page, demo }) => {
  await signIn(page, demo, "stakeholder");
  await page.goto(database);
  await expect(page.locator("#backups")).toContainText("shop/nightly.dump");
  await expect(page.getByRole("button", { name: "Prove the newest backup" })).toHaveCount(0);
});

test("a policy demands it, and the plan and its mail say so", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  // The demo keeps an example that a new policy for production would break.
  await page.goto(`${demo.address}/policies/who`);
  await page.getByRole("row", { name: /Weekly on the shop/ }).getByRole("button", { name: "Forget" }).click();
  await page.goto(`${demo.address}/policies/new`);
  await page.getByLabel("Name", { exact: true }).fill("Restored first");
  await page.getByRole("group", { name: "What it rules: environments" }).getByLabel("Production").check();
  const hours = page.getByLabel("A worker restored a backup that is at most so many hours old");
  await hours.fill("1000");
  await page.getByRole("button", { name: /^Propose/ }).click();
  await expect(page.locator(".error-summary")).toContainText("from 1 to 744");
  await expect(hours).toHaveValue("1000");
  await hours.fill("26");
  await page.getByRole("button", { name: /^Propose/ }).click();
  await expect(page).not.toHaveURL(/\/new/);
  await wellMade(page);
  await signOut(page);
  await agree(page, demo, /restored/i);

  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/windows/new?database=shop`);
  await page.getByLabel("Reason").fill("The statistics are out of date.");
  const start = soon(2 * 86_400);
  await page.getByLabel("Date").fill(start.date);
  await page.getByLabel("Start", { exact: true }).fill(start.time);
  await page.getByRole("button", { name: "Look at the database" }).click();
  await until(page, page.url(), /ANALYZE/, 60_000);
  await page.getByRole("button", { name: /^Seal and propose/ }).click();
  await expect(page.locator("main")).toContainText("Waiting for approval");
  const number = new URL(page.url()).pathname.split("/").pop()!;
  await page.goto(`${demo.address}/windows/${number}`);
  await expect(page.locator("main")).toContainText("a worker restored one that is at most 26 hours old: the policy demands it");
  await wellMade(page);
  const asked = await mail(page, demo, person(demo, "stakeholder").email, new RegExp(`#${number}\\b`));
  const link = asked.links.find((one) => one.includes("/a/"))!;
  await page.goto(link);
  await expect(page.locator("main")).toContainText("without a backup that a worker restored and compared with the database, at most 26 hours old");
});
