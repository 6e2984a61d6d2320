// Once more with scripts off.
import { expect, test } from "./demo";
import { wholeJob } from "./journey";

// A demo of its own: the other journey has mended what there was to mend.
test.use({ javaScriptEnabled: false, demoOf: "plain" });

wholeJob({ script: false });

test("a stranger is shown the door in words", async ({ page, demo }) => {
  await page.goto(`${demo.address}/windows`);
  await expect(page).toHaveURL(/\/login/);
  const answer = await page.request.get(`${demo.address}/a/not-a-secret`);
  expect(answer.status()).toBeGreaterThanOrEqual(400);
  expect(answer.headers()["content-security-policy"]).toContain("default-src 'none'");
});
