// The browser's own view of the content security policy: it reports nothing, on any page, with the islands alive; and it would report.
import { expect, mail, person, signIn, signOut, test, type Demo } from "./demo";
import type { Page } from "@playwright/test";
import { createHash } from "node:crypto";

interface Report { directive: string; blocked: string; source: string }
declare global { interface Window { reports: Report[] } }

// Listens before the page's own first script; a page whose policy blocks inline scripts does not see it come.
test.beforeEach(async ({ page }) => {
  await page.addInitScript(() => {
    window.reports = [];
    document.addEventListener("securitypolicyviolation", (report) => {
      window.reports.push({ directive: report.effectiveDirective, blocked: report.blockedURI, source: `${report.sourceFile}:${report.lineNumber}` });
    });
  });
});

/** Opens the page, lets its islands start where it has some, and reads what the browser reported. */
async function quiet(page: Page, address: string, path: string) {
  const answer = await page.goto(address + path);
  const policy = answer?.headers()["content-security-policy"] ?? "";
  expect(policy, path).toContain("default-src 'none'");
  const starts = (await page.locator("script[type=module][src]").count()) > 0;
  if (starts) await expect(page.locator("html"), `${path}: the islands did not start`).toHaveAttribute("data-hydrated", "");
  // Inline scripts run by the nonce of this very answer, and there is no other kind.
  const nonce = /'nonce-([^']+)'/.exec(policy)?.[1];
  const inline = await page.evaluate(() => [...document.scripts].filter((script) => !script.src).map((script) => script.nonce));
  expect(inline.filter((one) => one !== nonce), `${path}: inline scripts without the answer's nonce`).toEqual([]);
  // The page behind a mailed link loads nothing, so its style is written in; its policy names that very text.
  const styles = await page.locator("style").allTextContents();
  const digests = styles.map((text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`);
  expect(digests.filter((digest) => !policy.includes(digest)), `${path}: styles inside the page`).toEqual([]);
  expect(await page.locator("[style]").count(), `${path}: styles on elements`).toBe(0);
  expect(await page.evaluate(() => window.reports), path).toEqual([]);
}

/** The paths that the links of a page lead to, each once. */
async function links(page: Page, path: string, beginning: string): Promise<string[]> {
  await page.goto(path);
  const found = await page.locator(`main a[href^='${beginning}']`).evaluateAll((all) => all.map((link) => new URL((link as HTMLAnchorElement).href).pathname));
  return [...new Set(found)].slice(0, 3);
}

async function walk(page: Page, demo: Demo, paths: string[]) {
  for (const path of paths) await quiet(page, demo.address, path);
}

test("nothing is reported to somebody who is signed out", async ({ page, demo }) => {
  await walk(page, demo, ["/login", "/setup", "/nowhere", "/a/not-a-secret", "/windows"]);
});

test("nothing is reported to a lead, whatever page he opens", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  const databases = await links(page, `${demo.address}/databases`, "/databases/");
  const forms = databases.slice(0, 1).flatMap((database) => ["", "/edit", "/password", "/stakeholders", "/backups", "/queries"].map((form) => database + form));
  const runs = await links(page, `${demo.address}/windows/1`, "/runs/");
  await walk(page, demo, ["/", "/databases", "/databases/new", ...forms, "/windows", "/windows/new", "/windows/new?database=shop"]);
  await walk(page, demo, ["/windows/1", "/windows/1/edit", "/windows/1/checklist", ...runs, "/windows/999999", "/people/new", "/me", "/me/confirm"]);
});

test("nothing is reported to an administrator", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  for (const list of ["/people", "/teams", "/mailbox", "/audit"]) {
    await walk(page, demo, [list, ...(await links(page, demo.address + list, `${list}/`))]);
  }
  await walk(page, demo, ["/people/new", "/teams/new", "/policies", "/admin/outbox"]);
});

test("nothing is reported where a mailed link leads, and no script runs there", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  const request = await mail(page, demo, person(demo, "stakeholder").email, /^\[Approval needed\] #1 /);
  const link = new URL(request.links.find((one) => one.includes("/a/"))!);
  await signOut(page);
  await quiet(page, demo.address, link.pathname);
  expect(await page.locator("script").count()).toBe(0);
});

test("islands live under the policy", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await quiet(page, demo.address, "/windows/new?database=shop");
  // Windows are proposed a year ahead at most.
  await page.getByLabel("Date").fill(new Date(Date.now() + 60 * 86_400_000).toISOString().slice(0, 10));
  await page.getByLabel("Duration, minutes").fill("60");
  await expect(page.getByText("The database is free then.")).toBeVisible();
  expect(await page.evaluate(() => window.reports)).toEqual([]);
});

test.describe("what is not ours", () => {
  // The browser says on the console what it blocks: here that is what is wanted.
  test.use({ consoleIsClean: async ({}, use) => { await use(); } });

  test("is blocked, and the browser reports it", async ({ page, demo }) => {
    await signIn(page, demo, "lead");
    await page.goto(`${demo.address}/windows`);
    const ran = await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "document.documentElement.dataset.ran = ''";
      document.body.append(script);
      const paragraph = document.createElement("p");
      paragraph.setAttribute("style", "color: red");
      document.body.append(paragraph);
      const picture = document.createElement("img");
      picture.src = "https://evil.example/pixel.png";
      document.body.append(picture);
      return "ran" in document.documentElement.dataset;
    });
    expect(ran).toBe(false);
    await expect.poll(() => page.evaluate(() => window.reports.map((report) => report.directive).sort())).toEqual(
      expect.arrayContaining(["img-src", "script-src-elem", "style-src-attr"]),
    );
  });
});
