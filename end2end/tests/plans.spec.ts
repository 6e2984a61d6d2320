// What keeps a window from a time: another window, a freeze, the hours of its database; and what only has to be known: a window on a database
// that shares something with it. Each is said where the time is chosen, with a way out.
import { expect, person, signIn, signOut, test, type Demo, type Mail } from "./demo";
import { approve, day, until } from "./journey";
import { wellMade } from "./looks";
import type { Page } from "@playwright/test";

test.use({ demoOf: "plans" });
test.describe.configure({ mode: "serial" });

const REASON = "The release left dead rows behind.";
const FREE = /The next free starts at that time of day are \d{4}-\d\d-\d\d 10:00/;
/** The window that others meet. */
let number = "";

/** Fills in a proposal at ten o'clock in the morning, and has the database looked at. */
async function look(page: Page, demo: Demo, database: string, date: string) {
  await page.goto(`${demo.address}/windows/new?database=${database}`);
  await page.getByLabel("Reason").fill(REASON);
  await page.getByLabel("Date").fill(date);
  await page.getByLabel("Start", { exact: true }).fill("10:00");
  await page.getByRole("button", { name: "Look at the database" }).click();
}

/** Seals what was looked at, and says the number of the window. */
async function seal(page: Page): Promise<string> {
  await expect(page).toHaveURL(/look=/);
  await until(page, page.url(), /Sealing fixes these bytes/, 60_000);
  await page.getByRole("button", { name: "Seal and propose", exact: true }).click();
  await expect(page.locator("main")).toContainText("Waiting for approval");
  return new URL(page.url()).pathname.split("/").pop()!;
}

/** Freezes the copy, and nothing else, for whole days. */
async function freeze(page: Page, demo: Demo, name: string, from: string, to: string) {
  await page.goto(`${demo.address}/freezes/new`);
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Covers").selectOption("One database, named below");
  await page.getByLabel("Database", { exact: false }).last().fill("shop-staging");
  await page.getByRole("group", { name: "From" }).getByLabel("Date").fill(from);
  await page.getByRole("group", { name: "To" }).getByLabel("Date").fill(to);
  await page.getByLabel("Why").fill("Nobody touches the copy meanwhile.");
  await page.getByRole("button", { name: "Freeze", exact: true }).click();
  await expect(page.locator("main")).toContainText("Frozen. Owners of windows that it meets are told.");
  await expect(page.locator("h1")).toHaveText(name);
}

/** How often somebody was asked for the window's approval by mail. */
async function timesAsked(page: Page, demo: Demo, recipient: string): Promise<number> {
  const mails = (await (await page.request.get(`${demo.address}/mailbox.json?to=${encodeURIComponent(recipient)}`)).json()) as Mail[];
  return mails.filter((entry) => entry.to === recipient && entry.subject.startsWith(`[Approval needed] #${number} `)).length;
}

/** Opens the page of the copy. */
async function copy(page: Page, demo: Demo) {
  await page.goto(`${demo.address}/databases`);
  await page.getByRole("link", { name: "Shop, staging" }).click();
  await expect(page.locator("h1")).toHaveText("Shop, staging");
}

test("a lead freezes one database, and nothing can be proposed into it", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await freeze(page, demo, "Release 12", day(5), day(6));
  await expect(page.locator("main")).toContainText("It meets no window that you may see.");
  await signOut(page);
  await signIn(page, demo, "engineer");
  await look(page, demo, "shop-staging", day(5));
  const summary = page.locator(".error-summary");
  await expect(summary).toContainText("The freeze “Release 12” covers this database");
  await expect(summary).toContainText("Nobody touches the copy meanwhile.");
  await expect(summary).toContainText(FREE);
  await expect(summary).not.toContainText(`${day(6)} 10:00`);
  await expect(page.getByLabel("Reason")).toHaveValue(REASON);
  await expect(page.getByLabel("Date")).toHaveValue(day(5));
  await expect(page.getByLabel("Start", { exact: true })).toHaveValue("10:00");
});

test("a window at the time of an approved one is refused, and names that one", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await look(page, demo, "shop-staging", day(9));
  number = await seal(page);
  await signOut(page);
  for (const role of ["stakeholder", "lead"] as const) await approve(page, demo, role, number, "shop-staging");
  await signIn(page, demo, "engineer");
  await look(page, demo, "shop-staging", day(9));
  const summary = page.locator(".error-summary");
  await expect(summary).toContainText(`This overlaps #${number} “weekly (PostgreSQL)”`);
  await expect(summary).toContainText("Choose a time that ends before or starts after it");
  await expect(summary).toContainText(FREE);
  await expect(page.getByLabel("Reason")).toHaveValue(REASON);
});

test("a window on a database that shares its server, or is linked, is named to whoever plans beside it", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await look(page, demo, "shop", day(9));
  const beside = page.getByRole("table", { name: "On the same server, or linked; nothing forbids it" });
  await expect(beside.getByRole("row", { name: new RegExp(`#${number} `) })).toContainText("on the same server, or a replica of it");
  await copy(page, demo);
  const links = page.locator("#links");
  await links.getByText("Link another database …").click();
  await links.getByLabel("Short name of the other database").fill("shop");
  await links.getByLabel("It is a replica of that one").check();
  await links.getByRole("button", { name: "Link", exact: true }).click();
  await expect(page.locator("main")).toContainText("Linked. Windows on either of the two are named to whoever plans on the other.");
  await expect(links).toContainText("Replica of shop");
  await page.goto(`${demo.address}/windows/new?database=shop`);
  const near = page.getByRole("table", { name: "On the same server, or linked, in the next 60 days" });
  await expect(near.getByRole("row", { name: new RegExp(`#${number} `) })).toContainText("that is a replica of what is worked on here");
  await look(page, demo, "shop", day(9));
  await expect(beside.getByRole("row", { name: new RegExp(`#${number} `) })).toContainText("that is a replica of what is worked on here");
});

test("a freeze over a window keeps it, until somebody with the right lets it pass, and again when that is withdrawn", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await freeze(page, demo, "Stock taking", day(9), day(9));
  await expect(page.getByRole("row", { name: new RegExp(`#${number} `) })).toContainText("Approved");
  await page.goto(`${demo.address}/windows/${number}`);
  const card = page.locator("#freezes");
  await expect(card).toContainText("Stock taking Keeps this window");
  await expect(page.locator("main")).toContainText("Nothing starts from then on. Move the window, have the freeze lifted");
  await card.locator("summary").filter({ hasText: "Let it pass" }).click();
  await card.getByLabel("Why it may happen all the same").fill("The stock is counted from a dump.");
  await card.getByLabel("Short name of the database").fill("shop");
  await card.getByRole("button", { name: "Let it pass", exact: true }).click();
  await expect(card.locator(".error-summary")).toContainText("Type the short name of the database to confirm: shop-staging");
  await expect(card.getByLabel("Why it may happen all the same")).toHaveValue("The stock is counted from a dump.");
  await card.getByLabel("Short name of the database").fill("shop-staging");
  await card.getByRole("button", { name: "Let it pass", exact: true }).click();
  await expect(page.locator("main")).toContainText("This plan may pass the freeze.");
  await expect(card).toContainText("Stock taking May pass");
  await expect(card).toContainText(/Lena Lindqvist let this plan pass on [^]*The stock is counted from a dump\./);
  await wellMade(page);
  await card.getByLabel("Why", { exact: true }).fill("The dump failed.");
  await card.getByRole("button", { name: "Let the freeze hold it again" }).click();
  await expect(page.locator("main")).toContainText("The freeze holds this window again.");
  await expect(card).toContainText("Stock taking Keeps this window");
});

test("a free time is picked for it, and it is asked about again", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/windows/${number}/move`);
  await expect(page.locator("main")).toContainText("It is approved for the old time. Moved, it waits for approval again");
  const slot = page.locator("#free a").first();
  const date = new URL((await slot.getAttribute("href"))!, demo.address).searchParams.get("date")!;
  // Neither into a freeze, nor where it is kept now.
  expect([day(5), day(6), day(9)]).not.toContain(date);
  await slot.click();
  await expect(page.getByLabel("Date")).toHaveValue(date);
  await expect(page.getByLabel("Start", { exact: true })).toHaveValue("10:00");
  await page.getByRole("button", { name: "Move and ask again" }).click();
  await expect(page.locator("main")).toContainText("Moved: sealed as revision 2. All votes are asked for anew.");
  await expect(page.locator(".window-line").first()).toContainText("Waiting for approval");
  await expect(page.locator("#freezes")).toHaveCount(0);
  await expect(page.locator("#approvals")).toContainText(/waiting for [^]*Sten Sommer/);
  await signOut(page);
  await signIn(page, demo, "admin");
  await expect.poll(() => timesAsked(page, demo, person(demo, "stakeholder").email), { timeout: 60_000 }).toBe(2);
});

test("freezes come from a calendar, after a look at what becomes of each event", async ({ page, demo }) => {
  const date = (days: number) => day(days).replaceAll("-", "");
  const event = (uid: string, summary: string, ...lines: string[]) => ["BEGIN:VEVENT", `UID:${uid}@shop.example`, `SUMMARY:${summary}`, ...lines, "END:VEVENT"];
  const file = [
    "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:shop",
    ...event("1", "Release 13", `DTSTART;VALUE=DATE:${date(15)}`, `DTEND;VALUE=DATE:${date(17)}`),
    ...event("2", "Release 1", "DTSTART;VALUE=DATE:20200101"),
    ...event("3", "Every Friday", `DTSTART;VALUE=DATE:${date(20)}`, "RRULE:FREQ=WEEKLY;COUNT=3", `EXDATE;VALUE=DATE:${date(27)}`),
    "END:VCALENDAR", "",
  ].join("\r\n");
  await signIn(page, demo, "lead");
  const upload = async () => {
    await page.goto(`${demo.address}/freezes`);
    await page.getByRole("link", { name: "From a calendar" }).click();
    await page.getByLabel("Calendar file (.ics)").setInputFiles({ name: "releases.ics", mimeType: "text/calendar", buffer: Buffer.from(file) });
    await page.getByLabel("Covers").selectOption("One database, named below");
    await page.getByLabel("Database", { exact: false }).last().fill("shop-staging");
    await page.getByRole("button", { name: "Look at the events" }).click();
    await expect(page.locator("h1")).toHaveText("What becomes of the events");
  };
  await upload();
  await expect(page.locator("main")).toContainText("3 events become freezes.");
  await expect(page.getByRole("row", { name: /^Release 13/ })).toContainText("Becomes a freeze.");
  await expect(page.getByRole("row", { name: /^Release 1 / })).toContainText("Is over.");
  await expect(page.getByRole("row", { name: /^Every Friday/ })).toHaveCount(2);
  await expect(page.getByRole("row", { name: /^Every Friday/ }).first()).toContainText("Becomes a freeze.");
  await page.getByRole("button", { name: "Freeze these times" }).click();
  await expect(page.locator("main")).toContainText("3 freezes were made.");
  await expect(page.getByRole("row", { name: /^Release 13/ })).toContainText("shop-staging");
  // The same file again does nothing twice.
  await upload();
  await expect(page.getByRole("row", { name: /^Release 13/ })).toContainText("Was imported before: nothing to do.");
  await expect(page.locator("main")).toContainText("Nothing in this file would become a freeze");
});

test("outside of its hours a database is maintained with a reason, which whoever approves reads", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await copy(page, demo);
  await page.getByLabel("Hours", { exact: false }).fill("at night");
  await page.getByRole("button", { name: "Save the hours" }).click();
  await expect(page.locator(".error-summary")).toContainText("“at night” cannot be read.");
  await page.getByLabel("Hours", { exact: false }).fill("daily 22:00-06:00");
  await page.getByRole("button", { name: "Save the hours" }).click();
  await expect(page.locator("main")).toContainText("Proposals from now on keep to them, or say why not.");
  await look(page, demo, "shop-staging", day(12));
  const summary = page.locator(".error-summary");
  await expect(summary).toContainText("shop-staging may be maintained Mon-Sun 22:00-06:00 (Europe/Berlin), and this is another time.");
  await expect(summary).toContainText("say why: whoever approves reads it");
  await expect(page.getByLabel("Reason", { exact: true })).toHaveValue(REASON);
  await page.getByLabel("Why it has to be outside of its hours").fill("The supplier is there in the morning only.");
  await page.getByRole("button", { name: "Look at the database" }).click();
  await seal(page);
  await expect(page.locator("#plan")).toContainText(/Unusual hours: [^]*The supplier is there in the morning only\./);
});

test("a freeze covers what bears a tag, and no database drops the tag under it", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  await copy(page, demo);
  await page.getByLabel("Tags").fill("warehouse");
  await page.getByRole("button", { name: "Save the tags" }).click();
  await page.goto(`${demo.address}/freezes/new`);
  await page.getByLabel("Name", { exact: true }).fill("Stock check");
  await page.getByLabel("Covers").selectOption("Databases tagged warehouse");
  await page.getByRole("group", { name: "To" }).getByLabel("Date").fill(day(21));
  await page.getByLabel("Why").fill("Everything is counted.");
  await page.getByRole("button", { name: "Freeze", exact: true }).click();
  await expect(page.locator("h1")).toHaveText("Stock check");
  await expect(page.locator("main")).toContainText("Databases tagged warehouse");
  await wellMade(page);
  await copy(page, demo);
  await page.getByLabel("Tags").fill("");
  await page.getByRole("button", { name: "Save the tags" }).click();
  await expect(page.locator("main")).toContainText("A freeze covers what bears one of these tags, and its databases keep it meanwhile: “Stock check”");
  await signOut(page);
  await signIn(page, demo, "engineer");
  await look(page, demo, "shop-staging", day(17));
  await expect(page.locator("main")).toContainText("The freeze “Stock check” covers this database");
});
