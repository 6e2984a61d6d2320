// An own procedure: composed as a file, wrong first, then agreed to by somebody else, proposed with, and taken along.
import { environment, expect, signIn, signOut, test } from "./demo";
import { approve, soon, until } from "./journey";
import { wellMade } from "./looks";
import { LETS_CALL, receiver } from "./receiver";
import { readFileSync } from "node:fs";

Object.assign(environment, LETS_CALL);

test.use({ demoOf: "own" });
test.describe.configure({ mode: "serial" });

/** The program that the procedure calls: of everything that is told, it is asked for a step only there, and says no to that at first. */
let answer = 503;
const program = await receiver((body) => (body.includes("drydock.run.step") ? answer : 204));
test.afterAll(() => program.close());

const KEY = "own_stock_weekly";
const FILE = `key = "${KEY}"
name = "weekly for the stock"
about = "Fresh statistics, and a look at the space."
dbms = "postgresql"
steps = ["by_hand_count", "webhook_close", "freeze", "sql", "analyze", "space", "webhook_open"]

[thresholds]
analyze_min_changed_rows = 10

[[by_hand]]
key = "by_hand_count"
title = "The shelves are closed"
does = "Close the hatch, and see that nobody fetches anything."
back = "Open the hatch."
risk = "R1"
minutes = 2

[[webhook]]
key = "webhook_close"
title = "The shop takes no orders"
receiver = "Shop control"
origin = "${program.origin}"
does = "It shows its page for maintenance."
back = "Open it in shop control."
risk = "R1"

[[webhook]]
key = "webhook_open"
title = "The shop takes orders again"
receiver = "Shop control"
origin = "${program.origin}"
does = "It opens."
back = "Nothing to undo."
risk = "R0"
closes = "webhook_close"

[sql]
statements = "COMMENT ON TABLE shop.carts IS 'Counted every week.'"
back = "COMMENT ON TABLE shop.carts IS NULL"

[[check]]
title = "The stock is counted"
rule = "Compare three shelves with what the pages say."
`;

test("what waits for a second person is read and agreed to", async ({ page, demo }) => {
  await signIn(page, demo, "deputy");
  await page.getByRole("link", { name: "Procedures" }).first().click();
  await page.goto(`${demo.address}/procedures`);
  await expect(page.getByRole("link", { name: "weekly (PostgreSQL)" })).toBeVisible();
  await wellMade(page);
  await page.getByRole("link", { name: "nightly for the shop" }).click();
  await expect(page.locator("#waiting")).toContainText("“Look at the space” is new");
  await wellMade(page);
  await page.getByRole("button", { name: "Agree: it counts from now on" }).click();
  await expect(page.locator("main")).toContainText("It counts from now on");
  await expect(page.locator("#waiting")).toHaveCount(0);
  await wellMade(page);
});

test("an administrator registers the program that it calls", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  await page.goto(`${demo.address}/admin/webhooks/new`);
  await page.getByLabel("Name", { exact: true }).fill("Shop control");
  await page.getByLabel("Address", { exact: true }).fill(program.address);
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await expect(page.locator("#secret")).toContainText("whsec_");
  await page.getByRole("link", { name: "Back to the webhook" }).click();
  await signOut(page);
});

test("a file that is wrong is refused line by line, and nothing typed is lost", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await page.goto(`${demo.address}/procedures/weekly_postgresql`);
  await wellMade(page);
  await page.getByRole("link", { name: "Compose one like it" }).click();
  const text = page.getByLabel(/^Text/);
  await expect(text).toHaveValue(/key = "own_weekly"/);
  await wellMade(page);
  const wrong = FILE.replace('"analyze", "space"', '"analyze", "reindex", "tidy_up"');
  await text.fill(wrong);
  await page.getByRole("button", { name: "Propose it" }).click();
  const summary = page.locator(".error-summary");
  await expect(summary).toContainText("there is no step “tidy_up”");
  await expect(summary).toContainText("put reindex before analyze");
  await expect(summary).toContainText("add cleanup after reindex");
  await expect(text).toHaveValue(wrong);
  await wellMade(page);
  await text.fill("");
  await page.getByLabel(/^File/).setInputFiles({ name: "wrong.toml", mimeType: "application/toml", buffer: Buffer.from(`${FILE}colour = 3\n`) });
  await page.getByRole("button", { name: "Propose it" }).click();
  await expect(summary).toContainText("unknown field `colour`");
  // What was in the file stands in the text, to be mended.
  await expect(text).toHaveValue(`${FILE}colour = 3\n`);
  await text.fill(FILE.replaceAll(program.origin, "https://elsewhere.example"));
  await page.getByRole("button", { name: "Propose it" }).click();
  await expect(summary).toContainText("webhook 1, receiver: No receiver is called “Shop control” at https://elsewhere.example");
  await text.fill(FILE);
  await page.getByRole("button", { name: "Propose it" }).click();
  await expect(page.locator("main")).toContainText("Version 1 waits for a second person");
  await expect(page.getByRole("button", { name: "Agree: it counts from now on" })).toHaveCount(0);
  await expect(page.locator("#waiting")).toContainText("You proposed this version");
  await wellMade(page);
});

test("somebody else finds it on the first page and agrees", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  await page.goto(demo.address);
  await page.getByRole("link", { name: /Procedures/ }).last().click();
  await page.goto(`${demo.address}/procedures/${KEY}`);
  await page.getByRole("button", { name: "Agree: it counts from now on" }).click();
  await expect(page.locator("main")).toContainText("It counts from now on");
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download it" }).click()]);
  expect(file.suggestedFilename()).toBe(`${KEY}.toml`);
  expect(readFileSync(await file.path(), "utf8")).toContain('steps = [\n    "by_hand_count",\n    "webhook_close",\n    "freeze",\n    "sql",\n');
  // Whoever changes the program's registration is told what waits for a person then.
  await page.goto(`${demo.address}/admin/webhooks`);
  await page.getByRole("link", { name: "Shop control" }).click();
  await expect(page.locator("main")).toContainText("runs of this procedure wait there for a person");
  await expect(page.locator(`main a[href="/procedures/${KEY}"]`)).toBeVisible();
  await wellMade(page);
  await page.getByRole("link", { name: "Edit", exact: true }).click();
  await expect(page.locator("main .message")).toContainText("Called by “");
  await wellMade(page);
  await signOut(page);
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "with script" : "without script", () => {
    test.use({ javaScriptEnabled });

    test("an engineer proposes with it, and its thresholds and questions are in the plan", async ({ page, demo }) => {
      await signIn(page, demo, "engineer");
      await page.goto(`${demo.address}/windows/new?database=shop`);
      await page.getByLabel("Reason").fill("The stock grew.");
      await page.getByRole("radio", { name: "weekly for the stock" }).check();
      await page.getByRole("button", { name: "Show its fields" }).click();
      await expect(page.locator("main")).toContainText("Thresholds of weekly for the stock");
      await expect(page.locator("main")).toContainText("empty for 10.");
      const start = soon(javaScriptEnabled ? 3_600 : 4 * 3_600);
      await page.getByLabel("Date").fill(start.date);
      await page.getByLabel("Start", { exact: true }).fill(start.time);
      await page.getByLabel("Duration, minutes").fill("60");
      await page.getByRole("button", { name: "Look at the database" }).click();
      await until(page, page.url(), /weekly for the stock, version 1[^]*Findings/, 60_000);
      if (javaScriptEnabled) await wellMade(page);
      await page.getByRole("button", { name: "Seal and propose", exact: true }).click();
      await expect(page.locator("main")).toContainText("Waiting for approval");
      await expect(page.locator("#plan")).toContainText("weekly for the stock version 1, composed here as own_stock_weekly");
      await expect(page.locator("main")).toContainText("The stock is counted");
      if (javaScriptEnabled) await wellMade(page);
    });
  });
}

test("the run waits for what a person does, and goes on when they say what they saw", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/windows/new?database=shop`);
  await page.getByLabel("Reason").fill("Counted tonight.");
  await page.getByRole("radio", { name: "weekly for the stock" }).check();
  await page.getByRole("button", { name: "Show its fields" }).click();
  const start = soon(60);
  await page.getByLabel("Date").fill(start.date);
  await page.getByLabel("Start", { exact: true }).fill(start.time);
  await page.getByLabel("Duration, minutes").fill("60");
  await page.getByRole("button", { name: "Look at the database" }).click();
  await until(page, page.url(), /weekly for the stock, version 1[^]*Findings/, 60_000);
  await page.getByRole("button", { name: "Seal and propose", exact: true }).click();
  await expect(page.locator("#plan")).toContainText("By hand, planned with 2 min: Close the hatch");
  const number = new URL(page.url()).pathname.split("/").pop()!;
  await signOut(page);
  for (const role of ["stakeholder", "lead"] as const) await approve(page, demo, role, number);
  await signIn(page, demo, "engineer");
  await until(page, `${demo.address}/windows/${number}`, /On hold/, 170_000);
  await page.locator("a[href^='/runs/']").first().click();
  await expect(page.locator("#hold")).toContainText("Nothing is wrong: the step “The shelves are closed” is done by a person.");
  await expect(page.locator("#by-hand li").first()).toContainText("waits for a person");
  await wellMade(page);
  await page.getByLabel("Go on with what is left").check();
  await page.getByLabel("Reason").fill("The hatch is closed, nobody is there.");
  await page.getByRole("button", { name: "Decide" }).click();
  const run = page.url();
  // The program does not say yes: whoever lets the run go on says what became of it.
  await until(page, run, /“Shop control” was called for the step “The shop takes no orders” and did not say yes/, 90_000);
  await expect(page.locator("#by-hand li").nth(1)).toContainText("called, no yes yet");
  await wellMade(page);
  await page.getByLabel("Go on with what is left").check();
  await page.getByLabel("Reason").fill("Shop control was being restarted.");
  await page.getByRole("button", { name: "Decide" }).click();
  await expect(page.locator(".error-summary")).toContainText("Say whether it is done by now, or is to be called again");
  await expect(page.getByLabel("Reason")).toHaveValue("Shop control was being restarted.");
  answer = 204;
  await page.getByLabel("It is not done: call again").check();
  await page.getByRole("button", { name: "Decide" }).click();
  await until(page, `${demo.address}/windows/${number}`, /Validating/, 90_000);
  const called = program.calls.filter(({ body }) => body.includes("drydock.run.step")).map(({ headers, body }) => [JSON.parse(body).data.step.key, headers["webhook-id"]]);
  expect(called.map(([key]) => key)).toEqual([...Array(4).fill("webhook_close"), "webhook_open"]);
  expect(new Set(called.slice(0, 4).map(([, id]) => id)).size).toBe(1);
  await page.goto(run);
  await expect(page.locator("#by-hand li").nth(1)).toContainText(/done[^]*Its answer[^]*Taken, with 204\./);
  await expect(page.locator("#by-hand li").first()).toContainText(/done[^]*The hatch is closed, nobody is there\.[^]*Way back: Open the hatch\./);
  await wellMade(page);
  await page.goto(`${demo.address}/windows/${number}`);
  await expect(page.locator("#conversation")).toContainText("Did the step by hand.");
  await expect(page.locator("#conversation")).toContainText("Another program did a step.");
});

const SQL_KEY = "own_old_carts";
const SQL_FILE = `key = "${SQL_KEY}"
name = "old carts of the shop"
about = "Deletes carts that nobody came back to."
dbms = "postgresql"

[sql]
statements = """
DELETE FROM shop.carts WHERE id < {{below}};
COMMENT ON TABLE shop.carts IS {{note}};
"""
no_way_back = "Old carts are gone for good."

[[value]]
name = "below"
label = "Carts below"
kind = "number"
most = 1000

[[value]]
name = "note"
label = "Comment on the table"
kind = "text"
usual = "tidied"
`;

test("SQL is agreed on once: a value in quotes is refused, and a second person reads the text", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await page.goto(`${demo.address}/procedures/new`);
  await expect(page.locator("main")).toContainText("It is read and marked like any design change");
  const text = page.getByLabel(/^Text/);
  const wrong = SQL_FILE.replace("IS {{note}}", "IS 'It is {{note}}'");
  await text.fill(wrong);
  await page.getByRole("button", { name: "Propose it" }).click();
  await expect(page.locator(".error-summary")).toContainText("{{note}} has to stand by itself");
  await expect(text).toHaveValue(wrong);
  await text.fill(SQL_FILE);
  await page.getByRole("button", { name: "Propose it" }).click();
  await expect(page.locator("main")).toContainText("Version 1 waits for a second person");
  await signOut(page);
  await signIn(page, demo, "deputy");
  await page.goto(`${demo.address}/procedures/${SQL_KEY}`);
  await expect(page.locator("main")).toContainText("DELETE FROM shop.carts WHERE id < {{below}};");
  await expect(page.locator("main")).toContainText("A whole number from 0 to 1000.");
  await wellMade(page);
  await page.getByRole("button", { name: "Agree: it counts from now on" }).click();
  await expect(page.locator("main")).toContainText("It counts from now on");
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? "SQL with script" : "SQL without script", () => {
    test.use({ javaScriptEnabled });

    test("an engineer types its values, and people approve the text that comes of them", async ({ page, demo }) => {
      await signIn(page, demo, "engineer");
      await page.goto(`${demo.address}/windows/new?database=shop`);
      await page.getByLabel("Reason").fill("Carts of the first week.");
      await page.getByRole("radio", { name: "old carts of the shop" }).check();
      await page.getByRole("button", { name: "Show its fields" }).click();
      await expect(page.getByLabel("Comment on the table")).toHaveValue("tidied");
      const start = soon((javaScriptEnabled ? 30 : 33) * 3_600);
      await page.getByLabel("Date").fill(start.date);
      await page.getByLabel("Start", { exact: true }).fill(start.time);
      await page.getByLabel("Duration, minutes").fill("60");
      await page.getByLabel("Carts below").fill("1001");
      await page.getByLabel("Comment on the table").fill("it's tidied; DROP TABLE shop.carts");
      await page.getByRole("button", { name: "Look at the database" }).click();
      await expect(page.locator(".error-summary")).toContainText("Carts below: A whole number from 0 to 1000.");
      await expect(page.getByLabel("Carts below")).toHaveValue("1001");
      await expect(page.getByLabel("Reason")).toHaveValue("Carts of the first week.");
      if (javaScriptEnabled) await wellMade(page);
      await page.getByLabel("Carts below").fill("7");
      await page.getByRole("button", { name: "Look at the database" }).click();
      await until(page, page.url(), /Statements[^]*DELETE FROM shop\.carts WHERE id < 7/, 60_000);
      await page.getByRole("button", { name: "Seal and propose", exact: true }).click();
      await expect(page.locator("main")).toContainText("Waiting for approval");
      await expect(page.locator("#plan")).toContainText("DELETE FROM shop.carts WHERE id < 7");
      await expect(page.locator("#plan")).toContainText("COMMENT ON TABLE shop.carts IS 'it''s tidied; DROP TABLE shop.carts'");
      await expect(page.locator("#plan")).toContainText("Old carts are gone for good.");
      if (javaScriptEnabled) await wellMade(page);
    });
  });
}
