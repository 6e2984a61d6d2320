// A change of accounts: typed one a line, with script and without; each line looks whether it is needed, and the plan shows what takes it back.
import { expect, signIn, test } from "./demo";
import { soon, until } from "./journey";
import { wellMade } from "./looks";

test.use({ demoOf: "roles" });

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with script" : "without script", () => {
    test.use({ javaScriptEnabled });

    test("lines become statements, and their inverse is the way back", async ({ page, demo }) => {
      await signIn(page, demo, "engineer");
      await page.goto(`${demo.address}/windows/new?database=shop`);
      await page.getByLabel("Reason").fill("The old report is gone.");
      await page.getByRole("radio", { name: "change of accounts (PostgreSQL)" }).check();
      await page.getByRole("button", { name: "Show its fields" }).click();
      const start = soon(7_200);
      await page.getByLabel("Date").fill(start.date);
      await page.getByLabel("Start", { exact: true }).fill(start.time);
      const lines = page.getByLabel("Accounts", { exact: true });
      await lines.fill("lock shop_app\nlock postgres");
      await page.getByRole("button", { name: "Look at the database" }).click();
      await expect(page.locator(".error-summary")).toContainText("Line 2: postgres is the server's own");
      await expect(lines).toHaveValue("lock shop_app\nlock postgres");
      if (javaScriptEnabled) await wellMade(page);
      await lines.fill('lock shop_app\ncreate "year end" in shop_app');
      await page.getByRole("button", { name: "Look at the database" }).click();
      await until(page, page.url(), /these parts are sent as they stand/, 60_000);
      const change = page.locator("#change");
      await expect(change).toContainText('ALTER ROLE "shop_app" NOLOGIN');
      await expect(change).toContainText('CREATE ROLE "year end" LOGIN');
      await expect(change).toContainText('DROP ROLE "year end"');
      await expect(change).toContainText('ALTER ROLE "shop_app" LOGIN');
      if (javaScriptEnabled) await wellMade(page);
    });
  });
}
