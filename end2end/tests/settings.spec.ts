// A change of the server's settings: typed one a line, looked at on the server, approved, written and proven; what locks out is refused.
import { expect, signIn, signOut, test } from "./demo";
import { approve, typed, until } from "./journey";
import { wellMade } from "./looks";

test.use({ demoOf: "settings" });
test.describe.configure({ mode: "serial" });

let number = "";

const FORM = { procedure: "change of settings (PostgreSQL)", field: "Settings", reason: "Slow statements are to be seen in the log." };

test("what could lock everybody out is refused at its line, and nothing typed is lost", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await typed(page, demo.address, FORM, "work_mem = 8MB\nlisten_addresses = ''", 3_600);
  await expect(page.locator(".error-summary")).toContainText("Line 2: listen_addresses");
  await expect(page.getByLabel("Settings", { exact: true })).toHaveValue(/work_mem = 8MB/);
  await wellMade(page);
});

test("the look says what is now, and what the server would refuse", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await typed(page, demo.address, FORM, "work_mem = 8parsecs\nshared_buffers = 256MB", 3_600);
  await until(page, page.url(), /would not be written/, 60_000);
  await expect(page.locator("main")).toContainText("its units are B, kB, MB, GB, TB");
  await expect(page.locator("main")).toContainText("GRANT ALTER SYSTEM ON PARAMETER shared_buffers");
  await expect(page.locator("main")).toContainText("It counts only after a restart");
  await wellMade(page);
});

test("approved, it is written and proven", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await typed(page, demo.address, FORM, "log_min_duration_statement = 5s", 60);
  await until(page, page.url(), /log_min_duration_statement: now -1 \(unit ms\), from: default; then 5s/, 60_000);
  await expect(page.locator("#change")).toContainText("A setting of the whole server");
  await expect(page.locator("#change")).toContainText("gets the value it had");
  await wellMade(page);
  await page.getByRole("button", { name: "Seal and propose", exact: true }).click();
  await expect(page.locator("main")).toContainText("Waiting for approval");
  number = new URL(page.url()).pathname.split("/").pop()!;
  await wellMade(page);
  await signOut(page);
  for (const role of ["stakeholder", "lead"] as const) await approve(page, demo, role, number);
  await signIn(page, demo, "engineer");
  await until(page, `${demo.address}/windows/${number}`, /Validating|Failed|On hold/, 170_000);
  await expect(page.locator("main")).toContainText("Validating");
  const run = await page.locator("a[href^='/runs/']").first().getAttribute("href");
  await page.goto(demo.address + run!);
  await expect(page.locator("main")).toContainText("It is 5000, and was -1");
  await wellMade(page);
});
