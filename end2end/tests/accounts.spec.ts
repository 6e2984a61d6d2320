// From an invitation to a session that is ended everywhere, as the people meet it: mails, links, forms.
import { expect, mail, signIn, signOut, test, type Demo } from "./demo";
import { wellMade } from "./looks";
import type { Browser, Page } from "@playwright/test";

test.use({ demoOf: "accounts" });
test.describe.configure({ mode: "serial" });

const EMAIL = "zoe@shop.example";
const FIRST = "harbour violet seven drumsticks";
const SECOND = "marble oxygen twelve lanterns";

async function enter(page: Page, demo: Demo, password: string) {
  await page.goto(`${demo.address}/login`);
  await page.getByLabel("E-mail address").fill(EMAIL);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

/** The link in the newest mail to the invited person; the mailbox of a demo is read by whoever is signed in. */
async function linkOf(browser: Browser, demo: Demo, subject: RegExp, path: string): Promise<string> {
  const reader = await browser.newPage();
  await signIn(reader, demo, "admin");
  const found = await mail(reader, demo, EMAIL, subject);
  await reader.close();
  const link = found.links.find((to) => to.includes(path));
  expect(link, found.text).toBeTruthy();
  return link!;
}

test("an administrator invites, and the person chooses a password", async ({ page, browser, demo }) => {
  await signIn(page, demo, "admin");
  await page.goto(`${demo.address}/people/new`);
  await wellMade(page);
  await page.getByLabel("Name").fill("Zoë Ünal");
  await page.getByLabel("E-mail address").fill(EMAIL);
  await page.getByLabel("Signs in").check();
  await page.getByRole("button", { name: "Add person" }).click();
  await expect(page.locator("main")).toContainText("Invited, not accepted yet");
  await wellMade(page);
  await signOut(page);

  const link = await linkOf(browser, demo, /^\[Invitation\] Ada Andersen invites you/, "/invite/");
  // Scanners open links: nothing may come of it.
  for (let visit = 0; visit < 5; visit += 1) expect((await page.request.get(link)).status()).toBe(200);
  await page.goto(link);
  await wellMade(page);
  await page.getByLabel("Password", { exact: true }).fill("too short");
  await page.getByLabel("Password again").fill("too short");
  await page.getByRole("button", { name: "Make my account" }).click();
  await expect(page.getByRole("alert")).toContainText("At least 12 characters");
  await wellMade(page);
  await page.getByLabel("Password", { exact: true }).fill(FIRST);
  await page.getByLabel("Password again").fill(FIRST);
  await page.getByRole("button", { name: "Make my account" }).click();
  await expect(page.getByText("Your password is set.")).toBeVisible();
  await enter(page, demo, FIRST);
  await expect(page.getByRole("link", { name: "Zoë Ünal" })).toBeVisible();
  expect((await page.request.get(link)).status()).toBe(404);
});

test("a forgotten password is replaced by a link in a mail", async ({ page, browser, demo }) => {
  await page.goto(`${demo.address}/login`);
  await page.getByRole("link", { name: "Forgot your password?" }).click();
  await wellMade(page);
  await page.getByLabel("E-mail address").fill(EMAIL);
  await page.getByRole("button", { name: "Mail me a link" }).click();
  await expect(page.locator("h1")).toContainText("Look into your mailbox");
  await wellMade(page);
  const link = await linkOf(browser, demo, /^\[New password\]/, "/reset/");
  await page.goto(link);
  await wellMade(page);
  await page.getByLabel("Password", { exact: true }).fill(SECOND);
  await page.getByLabel("Password again").fill(SECOND);
  await page.getByRole("button", { name: "Set the new password" }).click();
  await expect(page.getByText("Your password is set.")).toBeVisible();
  await enter(page, demo, FIRST);
  await expect(page.locator("main")).toContainText("do not belong together");
  await enter(page, demo, SECOND);
  await expect(page.getByRole("link", { name: "Zoë Ünal" })).toBeVisible();
  await linkOf(browser, demo, /^\[Password changed\]/, "/forgot");
});

test("every session is seen, and ended everywhere", async ({ page, browser, demo }) => {
  await enter(page, demo, SECOND);
  const elsewhere = await browser.newPage();
  await enter(elsewhere, demo, SECOND);
  await page.getByRole("link", { name: "Zoë Ünal" }).click();
  await page.getByRole("link", { name: "See your sessions" }).click();
  await expect(page.locator("main")).toContainText("This one");
  await expect(page.locator("main")).toContainText("Chrome on");
  await wellMade(page);
  await page.getByRole("button", { name: "Sign out everywhere", exact: true }).click();
  await expect(page.getByRole("button", { name: "Sign in", exact: true })).toBeVisible();
  await elsewhere.goto(`${demo.address}/me`);
  await expect(elsewhere.getByRole("button", { name: "Sign in", exact: true })).toBeVisible();
  await elsewhere.close();
});

test("an installation without mail hands the link over", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  await page.goto(`${demo.address}/people?q=mara`);
  await page.getByRole("link", { name: /Mara/ }).first().click();
  await page.getByRole("button", { name: "Show an invitation link" }).click();
  await expect(page.locator("#link")).toContainText("/invite/");
  await wellMade(page);
  await page.getByRole("link", { name: /^Back to the page/ }).click();
  await expect(page.locator("main")).toContainText("you were shown the link");
  await page.getByRole("button", { name: "Withdraw the invitation" }).click();
  await expect(page.locator("main")).toContainText("It was withdrawn");
});
