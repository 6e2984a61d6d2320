// Windows in time and by the clock that one reads, on the screen, by the keyboard, on paper, and in a calendar program; and whom what is told of
// them reaches: what somebody does not want, what a watcher gets, what hangs in the outbox, and what another program is called with.
import { environment, expect, mail, person, signIn, signOut, test, type Demo } from "./demo";
import { keyboard } from "./hand";
import { approve, until } from "./journey";
import { wellMade } from "./looks";
import { LETS_CALL, receiver } from "./receiver";
import { sql } from "./sql";
import { createHmac } from "node:crypto";
import type { Page } from "@playwright/test";

Object.assign(environment, LETS_CALL);

test.use({ demoOf: "calendar" });
test.describe.configure({ mode: "serial" });

const BERLIN = "Europe/Berlin";
const TITLE = "Tidy the copy";
const WATCHER = "press@shop.example";
/** The window that all of this is about, and its first start by the clock of its database. */
let number = "";
const START = "05:00";

/** A day of the demo's freeze, which does not hold the copy. In the month before it is not shown: that ends with the sixth at most. */
const DATE = [21, 22, 23, 24, 25, 26, 27]
  .map((days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10))
  .find((date) => Number(date.slice(8)) > 6)!;

const clock = (at: Date, timeZone: string) => new Intl.DateTimeFormat("en-GB", { timeZone, timeStyle: "short" }).format(at);

/** When it is this time on the window's day at the database, in summer or in winter. */
function at(time: string): Date {
  return ["+01:00", "+02:00"].map((offset) => new Date(`${DATE}T${time}:00${offset}`)).find((instant) => clock(instant, BERLIN) === time)!;
}

/** A day, or a part of it, in words. Days have no zone. */
const said = (options: Intl.DateTimeFormatOptions, date = DATE) => new Intl.DateTimeFormat("en-US", { timeZone: "UTC", ...options }).format(new Date(date));

const monthOf = (date: string) => said({ month: "long", year: "numeric" }, date);

/** The first day of the month before the window's. */
function monthBefore(): string {
  const before = new Date(DATE);
  before.setUTCMonth(before.getUTCMonth(), 0);
  before.setUTCDate(1);
  return before.toISOString().slice(0, 10);
}

const windowPage = (demo: Demo) => `${demo.address}/windows/${number}`;

/** The window in the calendar. */
const shown = (page: Page) => page.locator(".of-day li", { hasText: `#${number} ` });

/** What a calendar entry says, whatever its lines were folded into. */
function entry(calendar: string | null) {
  const lines = calendar!.replaceAll("\r\n ", "").split("\r\n");
  const value = (name: string) => lines.find((line) => line.startsWith(`${name}:`))?.slice(name.length + 1) ?? "";
  return { uid: value("UID"), sequence: Number(value("SEQUENCE")), start: value("DTSTART"), method: value("METHOD"), status: value("STATUS") };
}

/** An instant as calendars write it. */
const stamp = (instant: Date) => instant.toISOString().replaceAll(/[-:]|\.000/g, "");

/** The calendar entry in the newest mail of a kind about the window, once it follows another. */
async function entryOf(page: Page, demo: Demo, email: string, kind: string, after = -1) {
  let found = entry("");
  await expect(async () => {
    found = entry((await mail(page, demo, email, new RegExp(`^\\[${kind}\\] #${number} `))).calendar);
    expect(found.sequence).toBeGreaterThan(after);
  }).toPass({ timeout: 60_000 });
  return found;
}

/** The engineer proposes work on the copy, and says the number of the window. */
async function propose(page: Page, demo: Demo): Promise<string> {
  await page.goto(`${demo.address}/windows/new?database=shop-staging`);
  await page.getByLabel("Title").fill(TITLE);
  await page.getByLabel("Reason").fill("The release is tried on it.");
  await page.getByLabel("Date").fill(DATE);
  await page.getByLabel("Start", { exact: true }).fill(START);
  await page.getByLabel("Duration, minutes").fill("60");
  await page.getByRole("button", { name: "Look at the database" }).click();
  await expect(page).toHaveURL(/look=/);
  await until(page, page.url(), /Sealing fixes these bytes/, 60_000);
  await page.getByRole("button", { name: "Seal and propose", exact: true }).click();
  await expect(page.locator("main")).toContainText("Waiting for approval");
  return new URL(page.url()).pathname.split("/").pop()!;
}

test("whoever does not want to be asked by mail is not, and finds what waits on the first page", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await page.goto(`${demo.address}/me`);
  const notices = page.locator("#notices");
  const asked = notices.getByRole("group", { name: /^I am asked to vote/ });
  await asked.getByLabel("By mail").uncheck();
  await notices.getByRole("button", { name: "Save" }).click();
  await expect(page.locator("main")).toContainText("Saved. Messages that were on their way already still come.");
  await expect(asked.getByLabel("By mail")).not.toBeChecked();
  await expect(asked.getByLabel("On the page of messages")).toBeChecked();
  await signOut(page);
  await signIn(page, demo, "engineer");
  number = await propose(page, demo);
  await mail(page, demo, person(demo, "stakeholder").email, new RegExp(`^\\[Approval needed\\] #${number} `));
  // Whom it goes to was written down with the proposal itself.
  await page.goto(windowPage(demo));
  const messages = page.locator("#messages tbody tr", { hasText: "Approval needed" });
  await expect(messages.filter({ hasText: "Sten Sommer" })).toHaveCount(1);
  await expect(messages.filter({ hasText: "Dario Duarte" })).toHaveCount(1);
  await expect(page.locator("#messages")).not.toContainText("Lena Lindqvist");
  await signOut(page);
  await signIn(page, demo, "lead");
  await expect(page.getByRole("table", { name: "Waiting for you" })).toContainText(`#${number} ${TITLE}`);

  // What she wants no mail about stands on her page of messages, until she has looked.
  const link = page.locator(".top").getByRole("link", { name: /^Messages/ });
  const unread = Number(/(\d+) unread/.exec((await link.textContent())!)![1]);
  await link.click();
  const told = page.getByRole("row").filter({ hasText: `#${number} ${TITLE}` });
  await expect(told).toContainText("Approval needed (unread)");
  await expect(told).toContainText("Waiting for approval");
  await wellMade(page);
  await told.getByRole("link", { name: "Approval needed" }).click();
  await expect(page).toHaveURL(windowPage(demo));
  await expect(link).toHaveText(unread > 1 ? `Messages ${unread - 1} unread` : "Messages");
  await page.goto(`${demo.address}/messages`);
  await expect(told).not.toContainText("(unread)");
  const all = page.getByRole("button", { name: "Mark all as read" });
  if (unread > 1) await all.click();
  await expect(page.locator("main")).toContainText("Nothing is unread.");
  await expect(all).toHaveCount(0);
});

test("the calendar shows a window by the reader's clock, the database's or UTC", async ({ page, demo }) => {
  const [start, end] = [at(START), at("06:00")];
  const from = (timeZone: string) => `${clock(start, timeZone)}–${clock(end, timeZone)}`;
  await signIn(page, demo, "deputy");
  await page.goto(`${demo.address}/me`);
  const own = page.locator("form[action='/me']");
  await own.getByLabel("Time zone").fill("Asia/Tokyo");
  await own.getByRole("button", { name: "Save" }).click();
  await expect(page.locator("main")).toContainText("Saved.");
  await page.goto(`${demo.address}/calendar?date=${DATE}`);
  const clocks = page.getByRole("navigation", { name: "Whose clock" });
  await expect(shown(page)).toContainText(from("Asia/Tokyo"));
  await expect(clocks.getByRole("link", { name: "My time (Asia/Tokyo)" })).toHaveAttribute("aria-current", "page");
  await clocks.getByRole("link", { name: "UTC" }).click();
  await expect(page.getByRole("table", { name: /, times in (Etc\/)?UTC$/ })).toBeVisible();
  await expect(shown(page)).toContainText(from("UTC"));
  // Whose clock it would be is known only of one database.
  await expect(clocks).not.toContainText(BERLIN);
  await page.getByRole("search").getByLabel("Database", { exact: true }).selectOption("shop-staging");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await expect(shown(page)).toContainText(from("UTC"));
  await clocks.getByRole("link", { name: `shop-staging (${BERLIN})` }).click();
  await expect(page.getByRole("table", { name: new RegExp(`, times in ${BERLIN}$`) })).toBeVisible();
  await expect(shown(page)).toContainText(from(BERLIN));
});

test("the keyboard alone steps through months, days, weeks and the agenda, and opens a window", async ({ page, demo }) => {
  const hand = keyboard(page);
  const step = (name: "← Previous" | "Next →") => hand.press(page.getByRole("link", { name: new RegExp(`^${name}`) }));
  const view = (name: string) => hand.press(page.getByRole("navigation", { name: "How much time" }).getByRole("link", { name }));
  const heading = page.locator(".when-bar h2");
  const before = monthBefore();
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/calendar?date=${before}`);
  await expect(heading).toHaveText(monthOf(before));
  await expect(shown(page)).toHaveCount(0);
  await step("Next →");
  await expect(heading).toHaveText(monthOf(DATE));
  await expect(shown(page)).toBeVisible();
  await step("← Previous");
  await expect(heading).toHaveText(monthOf(before));
  await step("Next →");
  await hand.press(page.getByRole("link", { name: `${said({ weekday: "long" })} ${said({ day: "numeric" })} ${said({ month: "long" })}`, exact: true }));
  const row = page.getByRole("row", { name: new RegExp(`#${number} ${TITLE}`) });
  await expect(heading).toContainText(`${said({ day: "numeric" })} ${said({ month: "short" })}`);
  await expect(row).toContainText(START);
  await view("Week");
  await expect(shown(page)).toContainText(TITLE);
  await step("Next →");
  await expect(shown(page)).toHaveCount(0);
  await step("← Previous");
  await expect(shown(page)).toBeVisible();
  await view("Agenda");
  await hand.press(row.getByRole("link", { name: TITLE }));
  await expect(page).toHaveURL(windowPage(demo));
  await expect(page.locator("h1")).toHaveText(`#${number} ${TITLE}`);
});

test("on paper a month says the titles of its windows and the name of its freeze", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await page.goto(`${demo.address}/calendar?date=${DATE}`);
  // A sheet of A4, upright, between its margins.
  await page.setViewportSize({ width: 680, height: 980 });
  await page.emulateMedia({ media: "print" });
  await expect(shown(page).getByText(TITLE)).toBeVisible();
  await expect(shown(page)).toContainText(`${START}–06:00`);
  await expect(page.locator("td", { has: shown(page) }).getByText("Freeze: Winter sale")).toBeVisible();
  await expect(page.locator(".blocked")).toContainText("Winter sale");
  await expect(page.locator(".blocked")).toContainText("The shop sells most in this week");
  for (const furniture of [".top", ".filters", ".steps-in-time", ".seg"]) await expect(page.locator(furniture).first(), furniture).toBeHidden();
});

test("a feed gives a calendar program the window, until it is revoked", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/calendar?database=shop-staging`);
  await page.getByRole("link", { name: "In your calendar program" }).click();
  await expect(page.getByLabel("What it shows")).toHaveValue("database:shop-staging");
  await page.getByRole("button", { name: "Make a feed" }).click();
  await expect(page.locator("main")).toContainText("now and never again");
  const address = (await page.locator("#link").textContent())!.trim();
  await page.getByRole("link", { name: "Back to your calendar feeds" }).click();
  const row = page.getByRole("row", { name: /^Database shop-staging/ });
  await expect(row).toContainText("Never");
  await expect(page.locator("main")).not.toContainText(address);
  // A program knows the address alone: it has no cookie of the browser.
  const answer = await fetch(address);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toContain("text/calendar");
  const text = (await answer.text()).replaceAll("\r\n ", "");
  expect(text).toContain(`SUMMARY:#${number} shop-staging: ${TITLE}\r\n`);
  expect(text).toContain(`DTSTART:${stamp(at(START))}\r\n`);
  await page.reload();
  await expect(row).not.toContainText("Never");
  await row.getByRole("button", { name: "Revoke the feed Database shop-staging" }).click();
  await expect(page.locator("main")).toContainText("The feed was revoked: calendars that still ask for it get nothing.");
  await expect(row).toHaveCount(0);
  expect((await fetch(address)).status).toBe(404);
});

test("a person's feed and a team's give the window too, under the name that it bears in mails, and each is revoked alone", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  const { uid } = await entryOf(page, demo, person(demo, "stakeholder").email, "Approval needed");
  expect(uid).toBeTruthy();
  const feeds: Record<string, string> = {};
  for (const about of ["person", "team:shop"]) {
    await page.goto(`${demo.address}/me/calendar`);
    await page.getByLabel("What it shows").selectOption(about);
    await page.getByRole("button", { name: "Make a feed" }).click();
    feeds[about] = (await page.locator("#link").textContent())!.trim();
    const answer = await fetch(feeds[about]);
    expect(answer.status, about).toBe(200);
    const text = (await answer.text()).replaceAll("\r\n ", "");
    const events = text.split("BEGIN:VEVENT").slice(1);
    const [own, ...more] = events.filter((event) => event.includes(`UID:${uid}\r\n`));
    expect(more, about).toEqual([]);
    for (const line of [`SUMMARY:#${number} shop-staging: ${TITLE}`, `DTSTART:${stamp(at(START))}`, `DTEND:${stamp(at("06:00"))}`]) expect(own, about).toContain(`${line}\r\n`);
    // What another team plans is not theirs to see.
    expect(text, about).not.toContain("invoices");
    // Nothing has changed since: the program keeps what it has.
    const again = await fetch(feeds[about], { headers: { "If-None-Match": answer.headers.get("etag")! } });
    expect(again.status, about).toBe(304);
  }
  await page.goto(`${demo.address}/me/calendar`);
  await page.getByRole("button", { name: "Revoke the feed Team shop" }).click();
  await expect(page.locator("main")).toContainText("The feed was revoked");
  expect((await fetch(feeds["team:shop"]!)).status).toBe(404);
  expect((await fetch(feeds.person!)).status).toBe(200);
});

test("somebody who watches by an address alone gets what becomes of the window", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await page.goto(windowPage(demo));
  const watchers = page.locator("#watchers");
  await watchers.getByText("Add somebody").click();
  await watchers.getByLabel("E-mail address").fill(WATCHER);
  await watchers.getByLabel("Name").fill("Press office");
  await watchers.getByRole("button", { name: "Add watcher" }).click();
  await expect(page.locator("main")).toContainText(`${WATCHER} is told of what happens from now on.`);
  await expect(watchers.locator("li", { hasText: "Press office" })).toContainText(`${WATCHER}, added by Egon Eriksen Mail only`);
  await signOut(page);
  for (const role of ["stakeholder", "lead"] as const) await approve(page, demo, role, number, "shop-staging");
  await signIn(page, demo, "engineer");
  expect((await entryOf(page, demo, WATCHER, "Approved")).status).toBe("CONFIRMED");
});

test("the entry in people's calendars moves with the window, and goes when it is called off", async ({ page, demo }) => {
  const stakeholder = person(demo, "stakeholder").email;
  await signIn(page, demo, "engineer");
  const first = await entryOf(page, demo, stakeholder, "Approval needed");
  expect(first).toMatchObject({ method: "REQUEST", status: "TENTATIVE", start: stamp(at(START)) });
  await page.goto(`${windowPage(demo)}/move`);
  await page.getByLabel("Start", { exact: true }).fill("06:30");
  await page.getByRole("button", { name: "Move and ask again" }).click();
  await expect(page.locator("main")).toContainText("Moved: sealed as revision 2.");
  const moved = { uid: first.uid, method: "REQUEST", status: "TENTATIVE", start: stamp(at("06:30")) };
  const asked = await entryOf(page, demo, stakeholder, "Approval needed", first.sequence);
  expect(asked).toMatchObject(moved);
  expect(await entryOf(page, demo, WATCHER, "Moved", first.sequence)).toMatchObject(moved);
  const acts = page.locator("#actions");
  await acts.locator("summary", { hasText: "Withdraw" }).click();
  await acts.getByLabel("Why").fill("The release was called off.");
  await acts.getByLabel("Short name of the database").fill("shop-staging");
  await acts.getByRole("button", { name: "Withdraw", exact: true }).click();
  await expect(page.locator("main")).toContainText("Withdrawn. Everybody concerned is told.");
  for (const email of [stakeholder, WATCHER]) {
    expect(await entryOf(page, demo, email, "Cancelled", asked.sequence)).toMatchObject({ uid: first.uid, method: "CANCEL", status: "CANCELLED" });
  }
  await page.goto(`${demo.address}/calendar?date=${DATE}`);
  await expect(page.locator(".when-bar h2")).toHaveText(monthOf(DATE));
  await expect(shown(page)).toHaveCount(0);
});

test("a message that hangs says why and when it is tried again, and is sent anew", async ({ page, demo }) => {
  const why = "The mail server says: “452 4.2.2 mailbox full”";
  const admin = person(demo, "admin").email;
  // No mail of a demo is ever refused. Gives the time of the next try.
  const hang = (state: "waiting" | "parked") =>
    sql(demo, "drydock", `UPDATE drydock.outbox SET state = '${state}', sent_at = NULL, attempts = 3, last_error = '${why}', next_at = now() + interval '2 hours'
      WHERE kind = 'test_mail' RETURNING to_char(next_at AT TIME ZONE '${BERLIN}', 'HH24:MI')`).trim();
  const row = page.getByRole("row", { name: /^Test mail/ });
  await signIn(page, demo, "admin");
  await page.goto(`${demo.address}/admin/outbox`);
  await page.getByRole("button", { name: "Send a test mail" }).click();
  await expect(page.locator("main")).toContainText(`A test mail goes to ${admin} within a few seconds.`);
  let newest = (await mail(page, demo, admin, /^\[Test mail\]/)).id;
  const cameAgain = () => expect(async () => {
    const { id } = await mail(page, demo, admin, /^\[Test mail\]/);
    expect(id).toBeGreaterThan(newest);
    newest = id;
  }).toPass({ timeout: 60_000 });

  const next = hang("waiting");
  await page.goto(`${demo.address}/admin/outbox`);
  await expect(row).toContainText("Waiting after 3 tries");
  await expect(row).toContainText(why);
  await expect(row.getByRole("cell").nth(3)).toContainText(next);
  await wellMade(page);
  await row.getByRole("button", { name: "Send again" }).click();
  await expect(page.locator("main")).toContainText("It is sent again within a few seconds.");
  await cameAgain();

  hang("parked");
  await page.goto(`${demo.address}/admin/outbox?show=parked`);
  await expect(row).toContainText("Parked after 3 tries");
  await expect(row).toContainText(why);
  await page.getByRole("button", { name: "Send all parked ones again" }).click();
  await expect(page.locator("main")).toContainText("sent again within a few seconds.");
  await cameAgain();
  await until(page, `${demo.address}/admin/outbox?show=sent`, /Test mail/, 60_000);
});

test("a webhook's log says what its receiver answered, and what was not taken is sent again under its id", async ({ page, demo }) => {
  const program = await receiver((_, call) => (call === 0 ? 503 : 204));
  try {
    await signIn(page, demo, "admin");
    await page.goto(`${demo.address}/admin/webhooks`);
    await page.getByRole("link", { name: "Chat of the database team" }).click();
    await expect(page.locator("main")).toContainText("Paused: A demo calls nobody. Nothing is sent");
    await expect(page.getByRole("button", { name: "Send a test" })).toHaveCount(0);
    await page.goto(`${demo.address}/admin/webhooks/new`);
    await page.getByLabel("Name", { exact: true }).fill("Dashboard");
    await page.getByLabel("Address", { exact: true }).fill(program.address);
    await page.getByRole("button", { name: "Add", exact: true }).click();
    const secret = (await page.locator("#secret").textContent())!.trim();
    await page.getByRole("link", { name: "Back to the webhook" }).click();
    await expect(page.locator("main")).toContainText("The rest of the address is sealed.");
    const here = page.url();
    await page.getByRole("button", { name: "Send a test" }).click();
    await expect(page.locator("main")).toContainText("A test is on its way.");
    await until(page, here, /It could not take the call: 503\./, 60_000);
    await expect(page.locator("main")).toContainText("Failing since");
    const delivery = page.locator("#log tbody tr");
    await expect(delivery).toContainText(/^Test.*Waiting.*Next try/s);
    await delivery.getByText("The answer", { exact: true }).click();
    await expect(delivery).toContainText("Thank you.");
    await wellMade(page);
    await delivery.getByRole("button", { name: "Send again" }).click();
    await expect(page.locator("main")).toContainText("It is sent again within seconds, under the same id.");
    await until(page, here, /Taken, with 204\./, 60_000);
    await expect(delivery).toHaveCount(1);
    await delivery.getByText("Earlier tries", { exact: true }).click();
    await expect(delivery.getByRole("listitem")).toContainText(["It could not take the call: 503."]);
    await expect(page.locator("main")).not.toContainText("Failing since");
    for (const kept of ["kept-to-itself", secret]) await expect(page.locator("main")).not.toContainText(kept);
    const key = Buffer.from(secret.replace("whsec_", ""), "base64");
    const sent = program.calls.map(({ headers, body }) => {
      const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
      expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
      return { id: headers["webhook-id"], body };
    });
    expect(sent).toHaveLength(2);
    expect(sent[1]).toEqual(sent[0]);
  } finally {
    program.close();
  }
});

test("a chat is told in the form that it understands, and foreign text calls nobody there", async ({ page, demo }) => {
  const why = "<!channel> *now* & [here](https://evil.example)";
  const [slack, teams] = [await receiver(() => 200), await receiver(() => 202)];
  const rooms = [{ name: "Slack", program: slack, answer: 200, log: "" }, { name: "Microsoft Teams", program: teams, answer: 202, log: "" }];
  try {
    await signIn(page, demo, "admin");
    for (const room of rooms) {
      const { name, program } = room;
      await page.goto(`${demo.address}/admin/webhooks/new`);
      await page.getByLabel("Name", { exact: true }).fill(`Room in ${name}`);
      await page.getByRole("radio", { name }).check();
      await page.getByLabel("Address", { exact: true }).fill(program.address);
      await page.getByRole("button", { name: "Add", exact: true }).click();
      await page.goto(`${demo.address}/admin/webhooks`);
      await page.getByRole("link", { name: `Room in ${name}` }).click();
      await expect(page.locator("main")).toContainText("The rest of the address is sealed.");
      room.log = page.url();
      await page.getByRole("button", { name: "Send a test" }).click();
      await expect(page.locator("main")).toContainText("A test is on its way.");
    }
    await signOut(page);
    await signIn(page, demo, "engineer");
    await page.goto(`${demo.address}/windows/3`);
    const acts = page.locator("#actions");
    await acts.locator("summary", { hasText: "Withdraw" }).click();
    await acts.getByLabel("Why").fill(why);
    await acts.getByLabel("Short name of the database").fill("shop");
    await acts.getByRole("button", { name: "Withdraw", exact: true }).click();
    await expect(page.locator("main")).toContainText("Withdrawn. Everybody concerned is told.");
    await signOut(page);
    await signIn(page, demo, "admin");
    for (const { log, answer } of rooms) {
      const taken = `Taken[^]*Taken, with ${answer}\\.`;
      await until(page, log, new RegExp(`Withdrawn #3[^]*${taken}[^]*Test[^]*${taken}`), 60_000);
      await expect(page.locator("#log tbody tr")).toHaveCount(2);
      await expect(page.locator("main")).not.toContainText("kept-to-itself");
    }
    const about = `${demo.address}/windows/3`;
    // The test came first: the window was withdrawn later.
    const [test, told] = slack.calls.map((call) => JSON.parse(call.body));
    expect(test.text).toBe("Test: this message was sent to see whether it arrives.");
    expect(told.text).toMatch(/^Withdrawn: window #3 on /);
    const [header, section, actions] = told.blocks;
    expect(header).toMatchObject({ type: "header", text: { type: "plain_text", text: told.text } });
    expect(section.type).toBe("section");
    expect(section.fields).toContainEqual({ type: "plain_text", emoji: false, text: `Reason: ${why}` });
    expect(actions.elements[0]).toMatchObject({ type: "button", url: about });
    const cards = teams.calls.map((call) => JSON.parse(call.body));
    for (const card of cards) expect(card).toMatchObject({ type: "message", attachments: [{ contentType: "application/vnd.microsoft.card.adaptive", content: { type: "AdaptiveCard" } }] });
    const { content } = cards[1].attachments[0];
    const lines = content.body.map((block: { inlines: { text: string }[] }) => block.inlines.map((run) => run.text).join(""));
    expect(lines[0]).toMatch(/^Withdrawn: window #3 on /);
    expect(lines).toContain("What: Statistics, the copy first");
    expect(lines).toContain(`Reason: ${why}`);
    expect(content.actions).toEqual([{ type: "Action.OpenUrl", title: "Open", url: about }]);
    for (const call of [...slack.calls, ...teams.calls]) {
      expect(call.headers["content-type"]).toContain("application/json");
      expect(call.headers["webhook-signature"]).toBeUndefined();
    }
  } finally {
    slack.close();
    teams.close();
  }
});
