// Accounts that are kept out while a change is sent: proposed, read by whoever approves by mail, and in again afterwards.
import { expect, mail, person, signIn, signOut, test } from "./demo";
import { approve, soon, until } from "./journey";
import { wellMade } from "./looks";
import { session, sql } from "./sql";

test.use({ demoOf: "keptout" });
test.describe.configure({ mode: "serial" });

// An application of the shop; what the run's role needs for it, as the README says.
const APP = `CREATE ROLE shop_web LOGIN PASSWORD 'only-here' IN ROLE shop_app;
GRANT pg_signal_backend TO drydock_shop; ALTER ROLE drydock_shop CREATEROLE;`;
const STAGING = "shop_staging";
let number = "";
let idle: ReturnType<typeof session> | undefined;

test.afterAll(() => idle?.kill());

test("a change says which accounts it keeps out, and what that means for them", async ({ page, demo }) => {
  sql(demo, "postgres", APP);
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/windows/new?database=shop-staging`);
  await page.getByLabel("Reason").fill("The payments move, and nobody may see half of them.");
  await page.getByRole("radio", { name: "design change (PostgreSQL)" }).check();
  await page.getByRole("button", { name: "Show its fields" }).click();
  await page.getByLabel("Statements").fill("CREATE TABLE shop.paid (order_id bigint, at timestamptz);");
  await page.getByLabel("Way back", { exact: false }).first().fill("DROP TABLE shop.paid;");
  await page.getByText("Keep accounts out while it runs").click();
  await page.getByLabel(/^Accounts/).fill("shop_web");
  await wellMade(page);
  const start = soon(75);
  await page.getByLabel("Date").fill(start.date);
  await page.getByLabel("Start", { exact: true }).fill(start.time);
  await page.getByRole("button", { name: "Look at the database" }).click();
  await until(page, page.url(), /these parts are sent as they stand/, 60_000);
  await expect(page.locator("#change")).toContainText("these accounts cannot sign in anywhere on the server, nor on its standbys: shop_web.");
  await expect(page.locator("main")).toContainText("Can be kept out: shop_web; 0 sessions in this database now.");
  await wellMade(page);
  await page.getByRole("button", { name: "Seal and propose", exact: true }).click();
  await expect(page.locator("main")).toContainText("Waiting for approval");
  number = new URL(page.url()).pathname.split("/").pop()!;
  await expect(page.locator("#plan")).toContainText("for them it is an outage");
  await wellMade(page);
});

test("whoever approves reads it, and afterwards they are in again", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  const request = await mail(page, demo, person(demo, "stakeholder").email, new RegExp(`^\\[Approval needed\\] #${number} `));
  expect(request.text).toContain("for them it is an outage");
  await signOut(page);
  await page.goto(request.links.find((to) => to.includes("/a/"))!);
  await expect(page.locator("main")).toContainText("they are let in again, nothing more is sent, and a person decides");
  await wellMade(page);
  for (const role of ["stakeholder", "lead"] as const) await approve(page, demo, role, number, "shop-staging");
  idle = session(demo, STAGING, "shop_web", "only-here");
  await signIn(page, demo, "lead");
  await until(page, `${demo.address}/windows/${number}`, /Validating/, 170_000);
  expect(await idle.ended).not.toBe(0);
  expect(sql(demo, STAGING, "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'shop_web'").trim()).toBe("t");
  const run = await page.locator("a[href^='/runs/']").first().getAttribute("href");
  await page.goto(demo.address + run!);
  const out = page.locator("#kept-out");
  await expect(out).toContainText("shop_web");
  await expect(out).toContainText("let in");
  await expect(page.locator("main")).toContainText("1 idle session was ended");
  await wellMade(page);
  // Whoever cannot reach Drydock while it works has the way out by hand in the mail of its start.
  await signOut(page);
  await signIn(page, demo, "admin");
  const started = await mail(page, demo, person(demo, "lead").email, new RegExp(`^\\[Started\\] #${number} `));
  expect(started.text).toContain('ALTER ROLE "shop_web" LOGIN;');
});
