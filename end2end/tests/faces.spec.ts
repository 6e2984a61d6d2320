// Every page as each kind of reader meets it: on a desk and on a phone, light and dark. What changes the demo here is taken back.
import { expect, mail, person, signIn, signOut, test } from "./demo";
import { readFileSync } from "node:fs";
import path from "node:path";
import { allWellMade, looked, wellMade } from "./looks";
import type { Page } from "@playwright/test";

/** The first address in the main part that begins like this. */
async function first(page: Page, list: string, beginning: string): Promise<string> {
  await page.goto(list);
  const link = page.locator(`main td a[href^='${beginning}'], main th a[href^='${beginning}']`).first();
  return (await link.getAttribute("href"))!;
}

/** Four weeks before the next night in which the clocks go forward: that is the fifth date of each week from then on. */
function beforeTheClocksGoForward(): string {
  const night = (year: number) => {
    const last = new Date(Date.UTC(year, 2, 31));
    last.setUTCDate(31 - last.getUTCDay());
    return last.getTime();
  };
  const day = 24 * 3600 * 1000;
  const year = new Date().getUTCFullYear();
  const next = night(year) > Date.now() + 3 * day ? night(year) : night(year + 1);
  return new Date(next - 28 * day).toISOString().slice(0, 10);
}

test("the doors: signing in, a link from a mail, and addresses that lead nowhere", async ({ page, demo }) => {
  await allWellMade(page, demo.address, ["/login", "/login/factor", "/forgot", "/setup", "/nowhere", "/a/not-a-secret"]);
  await signIn(page, demo, "admin");
  const request = await mail(page, demo, person(demo, "stakeholder").email, /^\[Approval needed\] #1 /);
  await signOut(page);
  await page.goto(request.links.find((link) => link.includes("/a/"))!);
  await wellMade(page);
  // Refused: the errors are part of the page, too.
  await page.getByRole("button", { name: "Reject" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await wellMade(page);
});

test("windows, for a lead", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await allWellMade(page, demo.address, ["/", "/windows", "/windows?state=failed", "/windows/new", "/windows/new?database=shop"]);
  await allWellMade(page, demo.address, ["/windows/1", "/windows/1/edit", "/windows/1/move", "/windows/1/checklist", "/windows/1/evidence"]);
});

test("calendars and what is a lead's own", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await allWellMade(page, demo.address, ["/calendar", "/calendar?view=week", "/calendar?view=agenda", "/calendar?view=day", "/timeline", "/timeline?view=month"]);
  await allWellMade(page, demo.address, ["/windows/cancel", "/pause", "/freezes/new", "/messages", "/messages?show=unread", "/me", "/me/sessions", "/me/calendar", "/me/factor", "/me/absence"]);
});

test("series, and their dates before anything is saved", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  const series = await first(page, `${demo.address}/series`, "/series/");
  await allWellMade(page, demo.address, ["/series", "/series/new", "/series/new?database=shop", series, `${series}/edit`, `${series}/approval`]);
  await page.goto(demo.address + series);
  await page.getByRole("link", { name: /^Change / }).first().click();
  await expect(page.getByRole("button", { name: "Leave it out" })).toBeVisible();
  await wellMade(page);
  await page.goto(`${demo.address}/series/new?database=shop`);
  await page.getByLabel("Reason").fill("To see its dates.");
  await page.getByLabel("From").fill(beforeTheClocksGoForward());
  await page.getByLabel("Start", { exact: true }).fill("02:30");
  await page.getByLabel("Sunday", { exact: true }).check();
  await page.getByRole("button", { name: "Show its dates" }).click();
  await expect(page.getByText("so it starts at 03:00")).toBeVisible();
  await expect(page.getByRole("button", { name: "Save the series" })).toBeVisible();
  await wellMade(page);
});

test("databases and their forms", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  const database = await first(page, `${demo.address}/databases`, "/databases/");
  const forms = ["edit", "password", "stakeholders", "backups", "queries", "transfer"].map((form) => `${database}/${form}`);
  await allWellMade(page, demo.address, ["/databases", "/databases/new", database, ...forms]);
});

test("what is refused names the right and whom to ask", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  for (const path of ["/audit", "/admin/outbox", "/people/new"]) {
    const answer = await page.goto(demo.address + path);
    expect(answer?.status(), path).toBe(403);
    await expect(page.locator("main"), path).toContainText(/administrator/i);
    await wellMade(page);
  }
});

test("people and teams, for an administrator", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  const someone = await first(page, `${demo.address}/people`, "/people/");
  const team = await first(page, `${demo.address}/teams`, "/teams/");
  await allWellMade(page, demo.address, ["/people", someone, "/people/new", "/teams", team, "/teams/new", `${team}/edit`]);
  // Somebody from whom something is left behind.
  await page.goto(`${demo.address}/people?q=${encodeURIComponent(person(demo, "engineer").email)}`);
  const engineer = (await page.locator("main th a[href^='/people/'], main td a[href^='/people/']").first().getAttribute("href"))!;
  await allWellMade(page, demo.address, [`${engineer}/edit`, `${engineer}/deactivate`]);
  // Somebody who is away, and for whom another votes.
  const away = await first(page, `${demo.address}/people?q=mara`, "/people/");
  await allWellMade(page, demo.address, [away, `${away}/absence`]);
});

test("freezes and mails, for an administrator", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  const letter = await first(page, `${demo.address}/mailbox`, "/mailbox/");
  const freeze = await first(page, `${demo.address}/freezes`, "/freezes/");
  await allWellMade(page, demo.address, ["/freezes", freeze, "/freezes/new", "/freezes/import"]);
  await page.goto(`${demo.address}/freezes/import`);
  const event = ["BEGIN:VEVENT", "UID:1@shop.example", "SUMMARY:Stock taking", "DTSTART;VALUE=DATE:20391231", "END:VEVENT"];
  await page.getByLabel("Or its text").fill(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:shop", ...event, "END:VCALENDAR", ""].join("\r\n"));
  await page.getByLabel("Covers").selectOption("everything");
  await page.getByRole("button", { name: "Look at the events" }).click();
  await expect(page.locator("main")).toContainText("Stock taking");
  await wellMade(page);
  await allWellMade(page, demo.address, ["/me/confirm", "/mailbox", letter, "/admin/outbox"]);
});

test("procedures, for a lead", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await allWellMade(page, demo.address, ["/procedures", "/procedures/new", "/procedures/own_shop_nightly", "/procedures/design_change_postgresql"]);
});

test("policies, receivers and the trail, for an administrator", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  // Policies are cards, not rows; "0" begins an identity, and no other address below it.
  await page.goto(`${demo.address}/policies`);
  const policy = (await page.locator("main .card a.button[href^='/policies/0']").first().getAttribute("href"))!;
  await allWellMade(page, demo.address, ["/policies", policy, "/policies/new", "/policies/who", "/policies/who?database=shop"]);
  const receiver = await first(page, `${demo.address}/admin/webhooks`, "/admin/webhooks/");
  await allWellMade(page, demo.address, ["/admin/webhooks", "/admin/webhooks/new", receiver, `${receiver}/edit`]);
  await allWellMade(page, demo.address, ["/audit", "/audit/1", "/audit?from=never&team=x", "/audit?action=window.propose"]);
});

// Whoever tries Drydock sees in the demo what it can do for a team, without making anything first.
test("the demo shows what a team comes to need", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  const shown: [string, RegExp[]][] = [
    ["/windows/2", [/Broke the glass: it runs without the approvals/, /is owed|review/i]],
    ["/windows/3", [/Wave 1/, /Wave 2/, /shop-staging/, /Please begin after the parcels are counted/, /1 of 1/]],
    ["/windows/4", [/Rejected/, /Stage 1: /, /Stage 2: /, /The auditors work on it that evening/, /Ines, the bookings are over by then/]],
    ["/windows/5", [/Approved beforehand/, /Nobody was asked/]],
    ["/windows/6", [/Review of the month/, /leads and deputies of another team/i]],
    // It really ran, and was signed off before the window it was for was proposed.
    ["/windows/7", [/Completed/, /shop-staging/, /Finished/i]],
    ["/windows/8", [/Waiting for approval/, /Rehearsed on shop-staging \(staging\) by window #7/, /1 of 1 item done; all 6 checks passed/, /Shop, what locks/, /FOREIGN KEY/]],
    ["/policies", [/Shop, what locks/, /Billing, what locks/, /Billing, reviews/, /databases that hold 102400 MiB or more/, /Billing, trials/, /Stage 1: 1 of the stakeholders/, /needs a rehearsal/]],
    ["/policies/who", [/Weekly on the shop/]],
    ["/freezes", [/Winter sale/, /Books are closed/, /Release day/, /The office is closed/]],
    ["/procedures", [/nightly for the shop/, /waits for/]],
    ["/admin/webhooks", [/Chat of the database team/]],
    ["/teams", [/Billing/, /Shop/]],
  ];
  for (const [path, texts] of shown) {
    await page.goto(demo.address + path);
    for (const text of texts) await expect(page.locator("main"), path).toContainText(text);
  }
  await page.goto(demo.address + (await first(page, `${demo.address}/series`, "/series/")));
  await expect(page.locator("main")).toContainText("Left out");
  await expect(page.locator("main")).toContainText("2 dates");
  // Who is away, and that whoever votes meanwhile is asked about windows alone.
  await expect(page.locator("#together")).toContainText(/waiting for .*Mara Market \(away until /);
  await expect(page.locator("#together")).toContainText("Milo Market votes in the place of Mara Market until then, and is asked about each window by itself, not about these dates.");
  await page.goto(`${demo.address}/databases`);
  await page.locator("main").getByRole("link", { name: "Invoices", exact: true }).click();
  await expect(page.locator("main")).toContainText("20:00");
  await expect(page.locator("main")).toContainText("invoices-trial");
});

// Signed in, as the policy of billing's reviews wants it, on a page that shows nothing else of billing's work.
test("somebody of another team decides on what they are asked, and sees nothing else", async ({ page, demo }) => {
  await signIn(page, demo, "deputy");
  const asked = page.getByRole("row", { name: /#6 Review of the month/ });
  await expect(asked).toContainText("Your decision is needed.");
  await asked.getByRole("link").click();
  await expect(page).toHaveURL(/\/windows\/6\/decide$/);
  await expect(page.locator("main")).toContainText("You are asked by the policy of this plan, without being in the owner team");
  await wellMade(page);
  const vote = page.locator("#vote");
  await vote.getByLabel("Reject").check();
  await vote.getByRole("button", { name: "Send my decision" }).click();
  await expect(page.locator("main")).toContainText("Say why: whoever proposed it needs to know what to change.");
  await expect(page).toHaveURL(/\/windows\/6\/decide$/);
  await vote.getByLabel("Approve").check();
  await vote.getByLabel("Short name of the database").fill("invoices");
  await vote.getByRole("button", { name: "Send my decision" }).click();
  await expect(page.locator("main")).toContainText("Your approval was recorded; 1 more is needed.");
  await expect(page).toHaveURL(/\/windows\/6\/decide$/);
  await expect(page.getByRole("row", { name: /Dario Duarte/ })).toContainText("Approve");
  await page.getByRole("button", { name: "Take my vote back" }).click();
  await expect(page.locator("main")).toContainText("Your vote was taken back.");
  for (const path of ["/windows/6", "/windows/6/checklist", "/windows/4/decide"]) {
    expect((await page.goto(demo.address + path))?.status(), path).toBe(404);
  }
});

test("a form that was refused shows what to mend", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/windows/new?database=shop`);
  await page.getByLabel("Reason").fill("To see what a refusal looks like.");
  await page.getByLabel("Date").fill("2031-03-10");
  await page.getByLabel("Duration, minutes").fill("2");
  await page.getByRole("button", { name: "Look at the database" }).click();
  await expect(page.locator(".error-summary")).toBeVisible();
  await wellMade(page);
});

test("the keyboard finds the content first, and sees where it is", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await page.goto(`${demo.address}/windows/1`);
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to the content" });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press("Enter");
  await expect(page.locator("main")).toBeFocused();
  await page.keyboard.press("Tab");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle);
  expect(outline).toBe("solid");
});

test("on paper a window's page is its content alone", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await page.goto(`${demo.address}/windows/1`);
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  for (const furniture of [".top", ".banner", ".parts", "#vote form", "#actions"]) {
    await expect(page.locator(furniture).first(), furniture).toBeHidden();
  }
  // Folded parts are read too, and dark colours are not printed.
  await expect(page.getByText("Pre-check: oldest prepared transaction").first()).toBeVisible();
  const paper = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  expect(paper).toBe("rgb(255, 255, 255)");
});

test("a page is light: the islands together on the wire, kept for ever", async ({ page, demo }) => {
  const parts = new Map<string, { bytes: number; encoding: string | undefined; kept: string | undefined }>();
  page.on("requestfinished", async (request) => {
    const path = new URL(request.url()).pathname;
    if (!path.startsWith("/pkg/") || parts.has(path)) return;
    parts.set(path, { bytes: 0, encoding: undefined, kept: undefined });
    const [sizes, headers] = [await request.sizes(), await (await request.response())!.allHeaders()];
    parts.set(path, { bytes: sizes.responseBodySize, encoding: headers["content-encoding"], kept: headers["cache-control"] });
  });
  // From the first page on: nothing is kept yet.
  await signIn(page, demo, "lead");
  await page.goto(`${demo.address}/windows/new?database=shop`);
  const scripts = () => [...parts].filter(([path]) => /\.(js|wasm)$/.test(path));
  await expect.poll(() => scripts().filter(([, part]) => part.bytes > 0).length).toBe(3);
  for (const [path, part] of parts) {
    expect(part.encoding, path).toBe("br");
    expect(part.kept, path).toContain("immutable");
    expect(path, "the name changes with the content").toMatch(/\.[0-9a-f]{16}\.\w+$/);
  }
  const bytes = scripts().reduce((sum, [, part]) => sum + part.bytes, 0);
  expect(bytes, JSON.stringify(scripts())).toBeGreaterThan(10_000);
  expect(bytes, JSON.stringify(scripts())).toBeLessThan(200_000);
});

test("a link from a mail is one small answer", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  const request = await mail(page, demo, person(demo, "stakeholder").email, /^\[Approval needed\] #1 /);
  await signOut(page);
  const asked: string[] = [];
  page.on("request", (request) => { if (!request.url().startsWith("data:")) asked.push(request.url()); });
  const answer = await page.goto(request.links.find((link) => link.includes("/a/"))!, { waitUntil: "networkidle" });
  expect(asked).toHaveLength(1);
  expect((await answer!.body()).length).toBeLessThanOrEqual(20 * 1024);
  // The style in it was accepted: the page's own text is not in the browser's default face.
  expect(await page.evaluate(() => getComputedStyle(document.body).marginTop)).toBe("0px");
});

// Last: what the tests above opened.
test("no page was left out", async () => {
  const router = readFileSync(path.resolve(import.meta.dirname, "../../server/src/router.rs"), "utf8");
  const pages = [...router.matchAll(/Door::page\("([^"]+)"/g)].map((match) => match[1]!);
  expect(pages.length).toBeGreaterThan(30);
  // Looked at while it runs and at its end, where a run is watched; and between password and code, where somebody signs in with both.
  const elsewhere = ["/runs/{id}", "/login/factor"];
  const shape = (page: string) => new RegExp(`^${page.replaceAll(/\{\w+\}/g, "[^/]+")}$`);
  const own = (page: string) => [...looked].some((path) => (page.includes("{") ? shape(page).test(path) && !pages.includes(path) : path === page));
  expect(pages.filter((page) => !elsewhere.includes(page) && !own(page))).toEqual([]);
});
