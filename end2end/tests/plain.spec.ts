// The same doors with scripts off: propose, look, seal, and decide.
import { expect, mail, person, signIn, signOut, test } from "./demo";

test.use({ javaScriptEnabled: false });

test("a window is proposed, previewed, sealed and approved without script", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/windows/new?database=shop`);
  const day = new Date(Date.now() + 3 * 86_400_000).toISOString().slice(0, 10);
  await page.getByLabel("Reason").fill("Monthly look, without script. Ünïcödé 王 ✓");
  await page.getByLabel("Date").fill(day);
  await page.getByLabel("Duration, minutes").fill("2");
  await page.getByRole("button", { name: "Look at the database" }).click();
  // The refusal names the limit, and what was typed is still there.
  await expect(page.locator(".error-summary")).toContainText("5 minutes");
  await expect(page.getByLabel("Reason")).toHaveValue("Monthly look, without script. Ünïcödé 王 ✓");
  await page.getByLabel("Duration, minutes").fill("120");
  await page.getByRole("button", { name: "Look at the database" }).click();
  await expect(async () => {
    await page.reload();
    await expect(page.getByRole("button", { name: /seal/i })).toBeVisible({ timeout: 2_000 });
    await expect(page.locator("main")).toContainText("cart", { timeout: 2_000 });
  }).toPass({ timeout: 60_000 });
  await page.getByRole("button", { name: /seal/i }).click();
  await expect(page.locator("main")).toContainText("Waiting for approval");
  await signOut(page);
  await signIn(page, demo, "admin");
  const request = await mail(page, demo, person(demo, "stakeholder").email, /^\[Approval needed\] #2/);
  await signOut(page);
  const link = request.links.find((to) => to.includes("/a/"))!;
  await page.goto(link);
  await page.getByLabel(/To approve, type the short name/).fill("shop");
  await page.getByRole("button", { name: "Approve this plan" }).click();
  await expect(page.locator("body")).toContainText(/recorded|approved/i);
});

test("a stranger is shown the door in words", async ({ page, demo }) => {
  await page.goto(`${demo.address}/windows`);
  await expect(page).toHaveURL(/\/login/);
  const answer = await page.request.get(`${demo.address}/a/not-a-secret`);
  expect(answer.status()).toBeGreaterThanOrEqual(400);
  expect(answer.headers()["content-security-policy"]).toContain("default-src 'none'");
});
