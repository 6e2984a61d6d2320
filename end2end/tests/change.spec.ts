// A change of design: typed, read by a parser, approved word by word, sent, and taken back when it is done in part.
import { expect, mail, person, signIn, signOut, test } from "./demo";
import { soon, until } from "./journey";
import { wellMade } from "./looks";
import { sql } from "./sql";

test.use({ demoOf: "change" });
test.describe.configure({ mode: "serial" });

const FORTH = `CREATE TABLE shop.paid (order_id bigint, at timestamptz);
CREATE INDEX CONCURRENTLY paid_order ON shop.paid (order_id);
ALTER TABLE shop.nowhere ADD COLUMN x int;`;
const BACK = "DROP TABLE shop.paid;";
let number = "";

test("what cannot be sent is refused at its field, and nothing typed is lost", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/windows/new?database=shop`);
  await page.getByLabel("Reason").fill("Orders get a table of payments.");
  await page.getByRole("radio", { name: "design change (PostgreSQL)" }).check();
  await page.getByRole("button", { name: "Show its fields" }).click();
  await expect(page.getByRole("radio", { name: "design change (PostgreSQL)" })).toBeChecked();
  await wellMade(page);
  const start = soon(90);
  await page.getByLabel("Date").fill(start.date);
  await page.getByLabel("Start", { exact: true }).fill(start.time);
  await page.getByLabel("Statements").fill("BEGIN;\nALTER TABLE shop.nowhere ADD x int;");
  await page.getByRole("button", { name: "Look at the database" }).click();
  await expect(page.locator(".error-summary")).toContainText("Statement 1 (BEGIN)");
  await expect(page.locator(".error-summary")).not.toContainText("Choose a procedure");
  await expect(page.getByLabel("Statements")).toHaveValue(/BEGIN/);
  // What is opened for an error stays open, and shows what was typed.
  await page.getByText("Keep accounts out while it runs").click();
  await page.getByLabel(/^Accounts/).fill("shop_web\nshop_web");
  await page.getByLabel("Minutes for their transactions to end").fill("90");
  await page.getByRole("button", { name: "Look at the database" }).click();
  await expect(page.locator(".error-summary")).toContainText("Line 2: this account is named twice.");
  await expect(page.locator(".error-summary")).toContainText("from 1 to 60");
  await expect(page.getByLabel(/^Accounts/)).toBeVisible();
  await expect(page.getByLabel("Minutes for their transactions to end")).toHaveValue("90");
  await wellMade(page);
});

test("the plan shows each statement with its lock and its class, and the way back", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/windows/new?database=shop`);
  await page.getByLabel("Reason").fill("Orders get a table of payments.");
  await page.getByRole("radio", { name: "design change (PostgreSQL)" }).check();
  await page.getByRole("button", { name: "Show its fields" }).click();
  await page.getByLabel("Statements").fill(FORTH);
  await page.getByLabel("Way back", { exact: false }).first().fill(BACK);
  const start = soon(75);
  await page.getByLabel("Date").fill(start.date);
  await page.getByLabel("Start", { exact: true }).fill(start.time);
  await page.getByRole("button", { name: "Look at the database" }).click();
  await until(page, page.url(), /these parts are sent as they stand/, 60_000);
  await expect(page.locator("#change")).toContainText("SHARE UPDATE EXCLUSIVE");
  await expect(page.locator("#change")).toContainText("the table with all its rows");
  // It was tried on an empty copy before anybody is asked, and nothing is left of that.
  await expect(page.locator("main")).toContainText("A statement failed; the way back was not tried.");
  await expect(page.locator("main")).toContainText('Statement 3 fails on an empty copy: relation "shop.nowhere" does not exist (42P01).');
  expect(sql(demo, "postgres", "SELECT count(*) FROM pg_database WHERE datname LIKE 'drydock_dry%'").trim()).toBe("0");
  await wellMade(page);
  await page.getByRole("button", { name: "Seal and propose", exact: true }).click();
  await expect(page.locator("main")).toContainText("Waiting for approval");
  number = new URL(page.url()).pathname.split("/").pop()!;
  await expect(page.locator("#plan .statements").first()).toContainText("CREATE TABLE shop.paid");
  await wellMade(page);
});

test("whoever approves by mail reads the statements", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  const request = await mail(page, demo, person(demo, "stakeholder").email, new RegExp(`^\\[Approval needed\\] #${number} `));
  await signOut(page);
  await page.goto(request.links.find((to) => to.includes("/a/"))!);
  await expect(page.locator("main")).toContainText("CREATE INDEX CONCURRENTLY paid_order");
  await expect(page.locator("main")).toContainText("DROP TABLE shop.paid");
  await expect(page.locator("main")).toContainText("Statement 3 fails on an empty copy");
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
  await expect(page.locator("main")).toContainText(/Approved|Running|On hold/);
});

test("done in part, it waits for a person, and is taken back", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await until(page, `${demo.address}/windows/${number}`, /On hold/, 170_000);
  await expect(page.locator("main")).toContainText("On hold");
  const run = await page.locator("a[href^='/runs/']").first().getAttribute("href");
  // Whoever cannot reach Drydock while it works has the way out by hand in the mail of its start.
  const started = await mail(page, demo, person(demo, "lead").email, new RegExp(`^\\[Started\\] #${number} `));
  expect(started.text).toContain("The work began at ");
  expect(started.text).toContain("On call for this database: Lena Lindqvist, +49 30 0000 0142.");
  const ours = `FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'drydock:${run!.split("/").pop()!.replaceAll("-", "")}:%';`;
  for (const command of [`SELECT pid, state, query_start, query ${ours}`, `SELECT pg_cancel_backend(pid) ${ours}`, `SELECT pg_terminate_backend(pid) ${ours}`]) {
    expect(started.text).toContain(`    ${command}\n`);
  }
  expect(started.text).toContain("Take back what went through, one statement after the other as the plan has them:");
  expect(started.text).toContain("DROP TABLE shop.paid");
  await page.goto(demo.address + run!);
  await expect(page.locator("main")).toContainText("The change is done in part");
  await wellMade(page);
  await page.getByLabel("Clean up and roll back").check();
  await page.getByLabel("Reason").fill("The third statement names a table that is not there.");
  await page.getByRole("button", { name: "Decide" }).click();
  await until(page, `${demo.address}/windows/${number}`, /Rolled back/, 60_000);
  await page.goto(demo.address + run!);
  await expect(page.locator("main")).toContainText("Way back, part 1: done");
  await wellMade(page);
});
