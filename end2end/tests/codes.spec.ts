// A policy that wants a code, and a stakeholder who approves by the link in a mail and the code in another one. No script runs on that page.
import { expect, mail, person, signIn, signOut, test } from "./demo";
import { agree, soon, until } from "./journey";
import { wellMade } from "./looks";

test.use({ demoOf: "codes" });
test.describe.configure({ mode: "serial" });

test("a change of policy asks stakeholders for a code, once those whom it rules agree", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  await page.goto(`${demo.address}/policies`);
  await page.getByRole("link", { name: /the policy Standard$/ }).click();
  const rule = page.getByRole("group", { name: "Rule 1" });
  await rule.getByLabel("Known at least").selectOption({ label: "by link and mailed code" });
  await page.getByRole("button", { name: /^Propose/ }).click();
  await expect(page.locator("main")).toContainText("It counts once");
  await signOut(page);
  await agree(page, demo, /by link and mailed code/);
  await signIn(page, demo, "admin");
  await page.goto(`${demo.address}/policies`);
  await expect(page.locator("main")).toContainText("known at least by link and mailed code");
  await page.goto(`${demo.address}/policies/who?database=shop`);
  await expect(page.locator("#answer")).toContainText("by link and mailed code");
});

test("an approval by link needs the code that was mailed just now", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/windows/new?database=shop`);
  await page.getByLabel("Reason").fill("Dead rows.");
  const start = soon(4 * 3_600);
  await page.getByLabel("Date").fill(start.date);
  await page.getByLabel("Start", { exact: true }).fill(start.time);
  await page.getByRole("button", { name: "Look at the database" }).click();
  await until(page, page.url(), /dead rows|Nothing to do|VACUUM/i, 60_000);
  await page.getByRole("button", { name: "Seal and propose", exact: true }).click();
  await expect(page.locator("main")).toContainText("Waiting for approval");
  const number = new URL(page.url()).pathname.split("/").pop()!;
  await signOut(page);

  const recipient = person(demo, "stakeholder").email;
  await signIn(page, demo, "admin");
  const request = await mail(page, demo, recipient, new RegExp(`^\\[Approval needed\\] #${number} `));
  await signOut(page);
  const link = request.links.find((to) => to.includes("/a/"))!;
  await page.goto(link);
  await expect(page.getByText("only with a code from your mailbox")).toBeVisible();
  await expect(page.getByRole("button", { name: "Approve this plan" })).toHaveCount(0);
  await wellMade(page);
  await page.getByLabel(/^Comment/).fill("Fine, after the release.");
  await page.getByRole("button", { name: "Mail me a code" }).click();
  await expect(page.getByRole("status")).toContainText("A code is on its way");
  await expect(page.getByLabel(/^Comment/)).toHaveValue("Fine, after the release.");
  await wellMade(page);

  const reader = await page.context().browser()!.newPage();
  await signIn(reader, demo, "admin");
  const sent = await mail(reader, demo, recipient, new RegExp(`^\\[Code to approve\\] #${number} `));
  await reader.close();
  const digits = /window: (\d{3} \d{3})/.exec(sent.text)?.[1];
  expect(digits, sent.text).toBeTruthy();
  expect(sent.links.some((to) => to.includes("/a/"))).toBe(false);

  const wrong = digits === "000 000" ? "111111" : "000000";
  await page.getByLabel(/type the short name/).fill("shop");
  await page.getByLabel("Code from the mail").fill(wrong);
  await page.getByRole("button", { name: "Approve this plan" }).click();
  await expect(page.getByRole("alert")).toContainText("4 tries are left");
  await expect(page.getByLabel(/type the short name/)).toHaveValue("shop");
  await wellMade(page);
  await page.getByLabel("Code from the mail").fill(digits!);
  await page.getByRole("button", { name: "Approve this plan" }).click();
  await expect(page.locator("h1")).toContainText("You have decided");
  await expect(page.locator("main")).toContainText("by link and mailed code");
  expect(await page.locator("script").count()).toBe(0);
});
