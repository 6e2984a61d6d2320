// The whole job: a proposal waits, people agree by mail and on the page, it runs on a real database, is validated, closed and verified.
import { execFileSync } from "node:child_process";
import path from "node:path";
import AxeBuilder from "@axe-core/playwright";
import { expect, mail, person, program, signIn, signOut, test, type Demo } from "./demo";
import type { Page } from "@playwright/test";

test.describe.configure({ mode: "serial" });

async function accessible(page: Page) {
  const found = await new AxeBuilder({ page }).analyze();
  const serious = found.violations.filter((violation) => ["serious", "critical"].includes(violation.impact ?? ""));
  expect(serious.map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.target.join(" ")).join("; ")}`)).toEqual([]);
}

/** Follows the link of the newest request for a decision and approves. */
async function approveByMail(page: Page, demo: Demo, reader: "admin" | "lead", recipient: string) {
  await signIn(page, demo, reader);
  const request = await mail(page, demo, recipient, /^\[Approval needed\]/);
  await signOut(page);
  const link = request.links.find((to) => to.includes("/a/"));
  expect(link, request.text).toBeTruthy();
  // Scanners open links: nothing may come of it.
  for (let visit = 0; visit < 5; visit += 1) expect((await page.request.get(link!)).status()).toBe(200);
  await page.goto(link!);
  await accessible(page);
  await page.getByRole("button", { name: "Approve this plan" }).click();
  await expect(page.getByText("type the database's short name", { exact: false }).first()).toBeVisible();
  await page.getByLabel(/To approve, type the short name/).fill("shop");
  await page.getByRole("button", { name: "Approve this plan" }).click();
  await expect(page.locator("h1")).toBeVisible();
  await page.goto(link!);
  await expect(page.getByRole("button", { name: "Approve this plan" })).toHaveCount(0);
}

test("a stakeholder approves by the link in a mail, without an account", async ({ page, demo }) => {
  await approveByMail(page, demo, "admin", person(demo, "stakeholder").email);
});

test("a lead approves on the window's page, and the quorum stands", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await page.goto(`${demo.address}/windows/1`);
  await expect(page.locator("main")).toContainText("Waiting for approval");
  await accessible(page);
  await page.getByLabel("Approve", { exact: false }).first().check();
  const vote = page.locator("#vote");
  await vote.getByLabel("Short name of the database").fill("shop");
  await vote.getByRole("button", { name: "Send my decision" }).click();
  await expect(page.locator("main")).toContainText(/Approved|Running|Validating/);
});

test("the window runs on the database by itself, and its work has an effect", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await expect(async () => {
    await page.goto(`${demo.address}/windows/1`);
    await expect(page.locator("main")).toContainText(/Validating|On hold|Failed/, { timeout: 2_000 });
  }).toPass({ timeout: 170_000 });
  await expect(page.locator("main")).toContainText("Validating");
  await page.locator("main a[href^='/runs/']").first().click();
  await expect(page.locator("main")).toContainText("cart_token_idx");
  await accessible(page);
});

test("the validation list is answered and the window closed", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await page.goto(`${demo.address}/windows/1/checklist`);
  await accessible(page);
  for (const key of ["No error spikes", "Metrics are in range", "Backups work"]) {
    const item = page.locator("li.check-item", { hasText: key });
    await item.getByLabel("Passed", { exact: true }).check();
    await item.getByLabel("Evidence").fill("Looked at the dashboard for ten minutes: nothing unusual.");
    await item.getByRole("button", { name: "Answer", exact: true }).click();
    await expect(page.locator("li.check-item", { hasText: key })).toContainText("ten minutes");
  }
  // A probe that measured red on a busy machine is accepted with a reason, as a lead would.
  for (let red = page.locator("li.check-item", { hasText: "Accept although red" }); (await red.count()) > 0; ) {
    const item = red.first();
    await item.getByText("Accept although red").click();
    await item.getByLabel("Reason").fill("The machine was busy with other tests.");
    await item.getByRole("button", { name: "Accept with this reason" }).click();
    await page.goto(`${demo.address}/windows/1/checklist`);
    red = page.locator("li.check-item", { hasText: "Accept although red" });
  }
  const close = page.locator("form[action='/windows/1/close']");
  await close.getByRole("button", { name: "Sign off and close" }).click();
  await expect(page.locator("main")).toContainText("Completed");
  await signOut(page);
  await signIn(page, demo, "admin");
  await mail(page, demo, "mara@shop.example", /^\[All clear\]/);
});

test("the auditor reads the trail and everybody can verify it offline", async ({ page, demo }) => {
  await signIn(page, demo, "auditor");
  await page.goto(`${demo.address}/audit`);
  await accessible(page);
  await expect(page.locator("main")).toContainText("window.close");
  const anchor = path.join(demo.folder, "worker", "anchors.jsonl");
  const said = execFileSync(program, ["trail", "verify", "--data-dir", demo.folder, "--anchor", anchor], { encoding: "utf8" });
  expect(said).toMatch(/proven/);
});
