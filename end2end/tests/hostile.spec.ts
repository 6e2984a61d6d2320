// Hostile text wherever a page shows text, in a real browser: no script runs, nothing becomes an element, nothing hides. First the whole job
// on a database whose tables have hostile names, then every page over rows that no form would have taken.
import { expect, FIRST, mail, person, signIn, signOut, test } from "./demo";
import { harmless, hostileDatabase, hostileState, watched } from "./hostile";
import { soon, wholeJob } from "./journey";
import { NAMES, PAYLOADS, seen } from "./payloads";
import type { Page } from "@playwright/test";

test.use({ demoOf: "hostile" });

const squeezed = (text: string | null) => (text ?? "").replace(/\s+/g, " ");
const textOf = async (page: Page) => squeezed(await page.locator("main").textContent());

test("tables with hostile names are there", async ({ demo }) => {
  expect(PAYLOADS.length).toBeGreaterThanOrEqual(300);
  expect(new Set(PAYLOADS.map((payload) => payload.text)).size).toBe(PAYLOADS.length);
  hostileDatabase(demo);
});

// This makes the whole file one series. By the mouse: keyboard and looks are the journey's own.
wholeJob({ script: false });

test("the run worked on every table, and its page shows their names as they are", async ({ page, demo }) => {
  const harm = await watched(page, demo);
  await signIn(page, demo, "lead");
  await page.goto(`${demo.address}/windows/${FIRST}`);
  await harmless(page, harm);
  await page.locator("main a[href^='/runs/']").first().click();
  await harmless(page, harm);
  const said = await textOf(page);
  const missing = NAMES.filter((name) => !said.includes(seen(name)));
  expect(missing).toEqual([]);
  await page.goto(`${demo.address}/windows/${FIRST}/evidence`);
  await harmless(page, harm);
  const evidence = await textOf(page);
  expect(NAMES.filter((name) => !evidence.includes(seen(name)))).toEqual([]);
});

test("what a person types comes back as text: on pages, in mails, and behind a link", async ({ page, demo }) => {
  const harm = await watched(page, demo);
  // As much of every class as a reason may hold.
  const chosen = PAYLOADS.filter((payload, n) => !["controls", "long"].includes(payload.kind) && n % 4 === 0).slice(0, 60).map((payload) => payload.text.replaceAll("\r", "\n"));
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/windows/new?database=shop`);
  await page.getByLabel("Reason").fill(chosen.join("\n"));
  await page.getByLabel("Date").fill(soon(3 * 86_400).date);
  await page.getByRole("button", { name: "Look at the database" }).click();
  await harmless(page, harm);
  await expect(async () => {
    await page.goto(page.url());
    await expect(page.getByRole("button", { name: /^Seal and propose/ })).toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 60_000 });
  await harmless(page, harm);
  await page.getByRole("button", { name: /^Seal and propose/ }).click();
  await expect(page).toHaveURL(`${demo.address}/windows/${FIRST + 1}`);
  await harmless(page, harm);
  const shown = await textOf(page);
  expect(chosen.filter((text) => !shown.includes(seen(text)))).toEqual([]);
  await signOut(page);
  await signIn(page, demo, "admin");
  const letter = await mail(page, demo, person(demo, "stakeholder").email, new RegExp(`^\\[Approval needed\\] #${FIRST + 1} `));
  await page.goto(`${demo.address}/mailbox/${letter.id}`);
  await harmless(page, harm);
  await page.goto(`${demo.address}/mailbox/${letter.id}/html`);
  expect(await page.locator("canary-element, [data-canary], script, img, iframe, form").count()).toBe(0);
  await page.goto(letter.links.find((link) => link.includes("/a/"))!);
  await harmless(page, harm);
  const behind = squeezed(await page.locator("body").textContent());
  expect(chosen.filter((text) => !behind.includes(seen(text)))).toEqual([]);
  // A refused vote shows again what was typed.
  await page.getByLabel(/Comment|why/i).first().fill(`</textarea><canary-element> ${chosen.slice(0, 20).join(" ")}`);
  await page.getByRole("button", { name: "Approve this plan" }).click();
  await harmless(page, harm);
  expect(harm).toEqual([]);
});

test("rows that no form would have taken harm no page", async ({ page, demo }) => {
  test.setTimeout(600_000);
  const harm = await watched(page, demo);
  await signIn(page, demo, "admin");
  hostileState(demo, FIRST);
  const first = async (list: string, beginning: string) => {
    await page.goto(demo.address + list);
    return (await page.locator(`main td a[href^='${beginning}'], main th a[href^='${beginning}']`).first().getAttribute("href"))!;
  };
  const database = await first("/databases", "/databases/");
  const [someone, team, letter, run, hook] = [await first("/people", "/people/"), await first("/teams", "/teams/"), await first("/mailbox", "/mailbox/"), await first(`/windows/${FIRST}`, "/runs/"), await first("/admin/webhooks", "/admin/webhooks/")];
  const pages = [
    "/", "/windows", "/windows?state=completed", "/windows/1", `/windows/${FIRST}`, `/windows/${FIRST}/checklist`, `/windows/${FIRST}/evidence`, run, "/databases", database, `${database}/stakeholders`, `${database}/backups`, `${database}/queries`,
    "/people", someone, "/teams", team, "/policies", "/audit", "/audit?window=2", "/audit?action=target.edit", "/mailbox", letter, "/admin/outbox", "/admin/webhooks", hook, "/me",
    ...[1, 30, 90, 150, 210, 270].map((n) => `/audit/${5_000_000 + n}`),
    `/audit?object=${encodeURIComponent(PAYLOADS[0]!.text)}&request=${encodeURIComponent(PAYLOADS[250]!.text)}&from=${encodeURIComponent(PAYLOADS[60]!.text)}`,
    `/nowhere/${encodeURIComponent(PAYLOADS[0]!.text)}`,
  ];
  for (const path of pages) {
    await page.goto(demo.address + path);
    await harmless(page, harm);
  }
  // Where all of them are shown, all of them are there, as text.
  for (const [path, kind] of [[`/windows/${FIRST}/evidence`, "all"], [run, "notices"], ["/audit?action=target.edit", "some"]] as const) {
    await page.goto(demo.address + path);
    const said = await textOf(page);
    const missing = PAYLOADS.filter((payload) => !said.includes(seen(payload.text)));
    if (kind === "some") expect(PAYLOADS.length - missing.length, path).toBeGreaterThanOrEqual(45);
    else expect(missing.map((payload) => payload.text), path).toEqual([]);
  }
  // The conversation, page by page.
  let talk = "";
  for (await page.goto(`${demo.address}/windows/${FIRST}`); ;) {
    talk += await textOf(page);
    await harmless(page, harm);
    const older = page.getByRole("link", { name: "What was said before" });
    if (!(await older.count())) break;
    await older.click();
  }
  expect(PAYLOADS.filter((payload) => !talk.includes(seen(payload.text.slice(0, 4000)))).map((payload) => payload.text)).toEqual([]);
  await page.goto(`${demo.address}/audit/5000001`);
  expect(await textOf(page)).toContain(seen(PAYLOADS[0]!.text));
  // On paper too.
  await page.goto(`${demo.address}/windows/${FIRST}/evidence`);
  await page.emulateMedia({ media: "print" });
  await harmless(page, harm);
  for (const control of await page.locator("main form, main button").all()) await expect(control).toBeHidden();
});

test("exports and the log hold nothing that executes, forges or hides", async ({ page, demo }) => {
  await signIn(page, demo, "auditor");
  const csv = await page.request.post(`${demo.address}/audit/export`, { form: { format: "csv", action: "target.edit" }, headers: { origin: demo.address } });
  expect(csv.status()).toBe(200);
  const table = await csv.text();
  // A strict reading of RFC 4180: every field quoted, quotes doubled, lines ended by CR LF.
  expect(table).toMatch(/^\ufeff("(?:[^"]|"")*"(?:,"(?:[^"]|"")*")*\r\n)+$/);
  const cells = [...table.matchAll(/"((?:[^"]|"")*)"/g)].map((match) => match[1]!.replaceAll('""', '"'));
  expect(cells.length % 15).toBe(0);
  expect(cells.length / 15).toBeGreaterThan(PAYLOADS.length);
  expect(cells.filter((cell) => /^[\s]*[=+\-@|＝＋－＠]/.test(cell))).toEqual([]);
  expect(cells.filter((cell) => /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(cell))).toEqual([]);
  const lines = await (await page.request.post(`${demo.address}/audit/export`, { form: { format: "jsonl", action: "target.edit" }, headers: { origin: demo.address } })).text();
  const objects = lines.trimEnd().split("\n").map((line) => JSON.parse(line) as { kind: string; bytes: string });
  const notes = new Set(objects.filter((line) => line.kind === "fact").map((line) => (JSON.parse(line.bytes) as { payload: { note?: string } }).payload.note));
  expect(PAYLOADS.filter((payload) => !notes.has(payload.text))).toEqual([]);
  const evidence = await page.request.get(`${demo.address}/windows/${FIRST}/evidence.json`);
  expect(evidence.headers()["content-disposition"]).toContain("attachment");
  expect(((await evidence.json()) as { votes: unknown[] }).votes.length).toBeGreaterThanOrEqual(PAYLOADS.length);
});
