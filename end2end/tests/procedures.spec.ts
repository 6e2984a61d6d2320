// Which procedure: each says what it does; only its own thresholds are asked, with and without script; one that only reads ends in findings.
import { expect, signIn, test } from "./demo";
import { soon, until } from "./journey";
import { wellMade } from "./looks";

test.use({ demoOf: "procedures" });
const REASON = "To see where the space goes.";

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with script" : "without script", () => {
    test.use({ javaScriptEnabled });

    test("another procedure brings its own thresholds, and nothing that was typed is lost", async ({ page, demo }) => {
      await signIn(page, demo, "engineer");
      await page.goto(`${demo.address}/windows/new?database=shop`);
      await expect(page.getByRole("radio", { name: "weekly (PostgreSQL)" })).toBeChecked();
      await expect(page.locator("[name=vacuum_min_dead_rows]")).toHaveCount(1);
      await page.getByLabel("Reason").fill(REASON);
      await page.getByRole("radio", { name: "space review (PostgreSQL)" }).check();
      await page.getByRole("button", { name: "Show its fields" }).click();
      await expect(page.getByRole("radio", { name: "space review (PostgreSQL)" })).toBeChecked();
      await expect(page.getByLabel("Reason")).toHaveValue(REASON);
      await expect(page.locator("[name=vacuum_min_dead_rows]")).toHaveCount(0);
      await expect(page.locator("[name=backup_max_age_hours]")).toBeVisible();
      if (javaScriptEnabled) await wellMade(page);
      const start = soon(3_600);
      await page.getByLabel("Date").fill(start.date);
      await page.getByLabel("Start", { exact: true }).fill(start.time);
      await page.getByRole("button", { name: "Look at the database" }).click();
      await until(page, page.url(), /Findings[^]*Look at the space[^]*indexes/, 60_000);
      await expect(page.locator("main")).toContainText("space review (PostgreSQL)");
      if (javaScriptEnabled) await wellMade(page);
    });

    test("the monthly review says what the statements cost", async ({ page, demo }) => {
      await signIn(page, demo, "engineer");
      await page.goto(`${demo.address}/windows/new?database=shop`);
      await page.getByRole("radio", { name: "monthly review (PostgreSQL)" }).check();
      await page.getByRole("button", { name: "Show its fields" }).click();
      await page.getByLabel("Reason").fill("The review of this month.");
      const start = soon(3_600);
      await page.getByLabel("Date").fill(start.date);
      await page.getByLabel("Start", { exact: true }).fill(start.time);
      await page.getByRole("button", { name: "Look at the database" }).click();
      await until(page, page.url(), /Findings[^]*Review the statements[^]*of the time counted in the [^]* of counting/, 60_000);
      if (javaScriptEnabled) await wellMade(page);
    });

    test("a series has the same choice", async ({ page, demo }) => {
      await signIn(page, demo, "engineer");
      await page.goto(`${demo.address}/series/new?database=shop`);
      await page.getByLabel("Reason").fill(REASON);
      await page.getByRole("radio", { name: "space review (PostgreSQL)" }).check();
      await page.getByRole("button", { name: "Show its fields" }).click();
      await expect(page.getByRole("radio", { name: "space review (PostgreSQL)" })).toBeChecked();
      await expect(page.getByLabel("Reason")).toHaveValue(REASON);
      await expect(page.locator("[name=vacuum_min_dead_rows]")).toHaveCount(0);
      if (javaScriptEnabled) await wellMade(page);
    });
  });
}
