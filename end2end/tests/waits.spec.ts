// What becomes of a window while people or the house keep it waiting: reminded, passed on to others, expired, missed; and a policy that waits
// for everybody of a group, and for a second factor. Only deadlines are moved: what follows from them the product does itself.
import { expect, mail, person, signIn, signOut, test, type Demo } from "./demo";
import { agree, approve, day, soon, until } from "./journey";
import { wellMade } from "./looks";
import { phone } from "./phone";
import { sql } from "./sql";
import type { Page } from "@playwright/test";

test.use({ demoOf: "waits" });
test.describe.configure({ mode: "serial" });

const PAUSED = "The warehouse moves tonight: nobody may touch anything.";
/** People of the billing team, who have a mailbox and nothing else here. */
const [BEA, INES] = ["bea@shop.example", "ines@shop.example"];
/** The window that is approved, and may not start. */
let late = "";
/** The one on which nobody decides, and the link to it that was mailed first. */
let silent = "";
let firstLink = "";
/** The one that everybody of a group has to approve. */
let whole = "";

const windowPage = (demo: Demo, window: string) => `${demo.address}/windows/${window}`;

/** Proposes a window, and gives its number. */
async function propose(page: Page, demo: Demo, of: { database: string; reason: string; date: string; start: string }): Promise<string> {
  await page.goto(`${demo.address}/windows/new?database=${of.database}`);
  await page.getByLabel("Reason", { exact: true }).fill(of.reason);
  await page.getByLabel("Date").fill(of.date);
  await page.getByLabel("Start", { exact: true }).fill(of.start);
  await page.getByRole("button", { name: "Look at the database" }).click();
  await expect(page).toHaveURL(/look=/);
  await until(page, page.url(), /Sealing fixes these bytes/, 60_000);
  await page.getByRole("button", { name: "Seal and propose", exact: true }).click();
  await expect(page.locator("main")).toContainText("Waiting for approval");
  return new URL(page.url()).pathname.split("/").pop()!;
}

/** The newest mail that asks somebody about a window, once it follows another; and the personal link in it. */
async function asked(page: Page, demo: Demo, email: string, window: string, after = 0) {
  let found = { id: 0, link: "", subject: "", text: "" };
  await expect(async () => {
    const { id, links, subject, text } = await mail(page, demo, email, new RegExp(`^\\[(Approval|Reminder: approval) needed\\] #${window} `));
    expect(id).toBeGreaterThan(after);
    found = { id, link: links.find((to) => to.includes("/a/"))!, subject, text };
  }).toPass({ timeout: 60_000 });
  expect(found.link, found.text).toBeTruthy();
  return found;
}

/** The page of a window in its first stage says, where the votes are and at its top, that these people and nobody else are waited for. */
async function waitsFor(page: Page, names: string[]) {
  const [, rule] = /Stage 1: .*?0 of 1 waiting for (.*?), known at least/.exec((await page.locator("#approvals").textContent())!)!;
  const [, top] = /Waiting for (.*?)\./.exec((await page.locator(".blocked").textContent())!)!;
  for (const said of [rule!, top!]) expect(said.split(/, | and | or /).sort()).toEqual(names);
}

test("what is approved during a pause says what keeps it", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  const start = soon(30);
  late = await propose(page, demo, { database: "shop-staging", reason: "The release is tried on it.", date: start.date, start: start.time });
  await signOut(page);
  await signIn(page, demo, "lead");
  await page.goto(`${demo.address}/pause`);
  const begin = page.locator("#begin");
  await begin.getByRole("radio").first().check();
  await begin.getByLabel("Why").fill(PAUSED);
  await begin.getByRole("button", { name: "Pause all maintenance now" }).click();
  await expect(page.locator("#lasting")).toContainText(PAUSED);
  await wellMade(page);
  await signOut(page);
  for (const role of ["stakeholder", "lead"] as const) await approve(page, demo, role, late, "shop-staging");
  await signIn(page, demo, "engineer");
  await page.goto(windowPage(demo, late));
  await expect(page.locator(".window-line").first()).toContainText("Approved");
  await expect(page.locator(".blocked")).toContainText(PAUSED);
});

test("whoever is asked and stays silent is asked again, by a link that replaces the one before", async ({ page, demo, another }) => {
  const sten = person(demo, "stakeholder").email;
  await signIn(page, demo, "lead");
  silent = await propose(page, demo, { database: "invoices", reason: "The month is booked.", date: day(3), start: "21:00" });
  await waitsFor(page, ["Ines Imhof", "Sten Sommer"]);
  await expect(page.locator("#approvals")).toContainText(/Stage 2: [^]*asked once the stage before is complete/);
  const admin = await another("admin");
  const first = { sten: await asked(admin, demo, sten, silent), ines: await asked(admin, demo, INES, silent) };
  firstLink = first.sten.link;
  // Two hours later.
  sql(demo, "drydock", `UPDATE drydock.window SET state_at = state_at - interval '2 hours', asked_at = asked_at - interval '2 hours' WHERE number = ${silent}`);
  const again = { sten: await asked(admin, demo, sten, silent, first.sten.id), ines: await asked(admin, demo, INES, silent, first.ines.id) };
  expect(again.sten.link).not.toBe(firstLink);
  // Whoever meant to decide later sees that nothing has changed.
  for (const { subject, text } of [again.sten, again.ines]) {
    expect(subject).toMatch(/^\[Reminder: approval needed\] #/);
    expect(text).toContain("Lena Lindqvist asked for your decision on this maintenance window, and it is still missing.");
  }
  expect(first.sten.subject).toMatch(/^\[Approval needed\] #/);
  await page.goto(windowPage(demo, silent));
  await waitsFor(page, ["Ines Imhof", "Sten Sommer"]);
  const messages = page.locator("#messages tbody tr", { hasText: "Approval needed" });
  for (const name of ["Ines Imhof", "Sten Sommer"]) await expect(messages.filter({ hasText: name })).toHaveCount(2);
  await expect(page.locator("#messages")).not.toContainText("Bea Berg");
  const reader = await another();
  await reader.goto(firstLink);
  await expect(reader.locator("h1")).toHaveText("This link was replaced");
  await reader.goto(again.ines.link);
  await expect(reader.getByRole("button", { name: "Approve this plan" })).toBeVisible();
});

test("when the first stay silent until their deadline, others are asked too", async ({ page, demo, another }) => {
  // Its latest start is four hours away.
  sql(demo, "drydock", `UPDATE drydock.revision_stage s SET escalate_at = clock_timestamp() FROM drydock.window w WHERE w.id = s.window_id AND s.stage = 0 AND w.number = ${silent}`);
  const admin = await another("admin");
  const { link, text } = await asked(admin, demo, BEA, silent);
  expect(text).toContain("Lena Lindqvist asks for your decision on this maintenance window.");
  await signIn(page, demo, "lead");
  await page.goto(windowPage(demo, silent));
  await waitsFor(page, ["Bea Berg", "Ines Imhof", "Sten Sommer"]);
  await expect(page.locator("#conversation li", { hasText: "Nobody decided in time: others are asked, too." })).toContainText("The quorum did not stand by");
  await wellMade(page);
  const reader = await another();
  await reader.goto(link);
  await expect(reader.getByRole("button", { name: "Approve this plan" })).toBeVisible();
});

test("what nobody decides by its deadline expires, and its owner is told", async ({ page, demo, another }) => {
  sql(demo, "drydock", `UPDATE drydock.revision_stage s SET decide_by_at = clock_timestamp() FROM drydock.window w WHERE w.id = s.window_id AND s.stage = 0 AND w.number = ${silent}`);
  await signIn(page, demo, "lead");
  await until(page, windowPage(demo, silent), /Expired since/, 60_000);
  await expect(page.locator(".window-line").first()).toContainText("Expired");
  await expect(page.locator(".state-said")).toContainText("nobody decided in time");
  await expect(page.locator("#conversation")).toContainText("Expired: nobody decided in time.");
  await expect(page.locator(".blocked")).toHaveCount(0);
  await wellMade(page);
  const admin = await another("admin");
  const told = await mail(admin, demo, person(demo, "lead").email, new RegExp(`^\\[Expired\\] #${silent} `));
  expect(told.text).toContain("There were 0 of 2 approvals when the time to decide ran out. Nothing will run.");
  expect(told.text).toContain("propose it again for another time");
  // Nobody decides on it any more.
  const reader = await another();
  await reader.goto((await asked(admin, demo, INES, silent)).link);
  await expect(reader.locator("h1")).toHaveText("Nothing left to decide");
  await expect(reader.locator("main")).toContainText("The window is now “Expired”. Reason: nobody decided in time");
  await expect(reader.getByRole("button", { name: "Approve this plan" })).toHaveCount(0);
});

/** Whoever is signed in here sets up a second factor, and stays signed in with it. */
async function setUpFactor(page: Page, demo: Demo) {
  const app = phone();
  await page.goto(`${demo.address}/me/factor`);
  await page.getByRole("button", { name: "Set up a second factor" }).click();
  await app.learn(page);
  await page.getByLabel("Code of the app").fill(await app.fresh());
  await page.getByRole("button", { name: "Turn it on" }).click();
  await expect(page.locator("h1")).toContainText("keep these codes");
}

test("a policy asks for everybody of a group, and for a second factor that somebody has", async ({ page, demo, another }) => {
  const name = "All of them";
  await signIn(page, demo, "admin");
  await page.goto(`${demo.address}/policies/new`);
  const rule = (index: number) => page.getByRole("group", { name: `Rule ${index}`, exact: true });
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("group", { name: "What it rules: environments" }).getByLabel("Staging").check();
  await rule(1).getByLabel("How many").selectOption("all of them");
  // Named are people who propose and somebody who never does: whoever proposes, one who could approve is left.
  await rule(2).getByLabel("Who", { exact: true }).selectOption("Named people");
  await rule(2).getByLabel("Addresses of named people").fill(`${person(demo, "lead").email}, ${person(demo, "auditor").email}`);
  await rule(2).getByLabel("Known at least").selectOption("signed in with second factor");
  await page.getByRole("button", { name: /^Propose/ }).click();
  // Nobody has one yet.
  await expect(page.locator("main")).toContainText(/On shop-staging: .*nobody could ever approve them/);
  await expect(page.locator("main")).toContainText("0 with a second factor");
  await setUpFactor(await another("auditor"), demo);
  await page.getByRole("button", { name: /^Propose/ }).click();
  await expect(page.locator("main")).toContainText("It counts once 2 others have agreed");
  await signOut(page);
  await agree(page, demo, new RegExp(`Proposed: a new policy “${name}”`));
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/policies`);
  const card = page.locator(".card").filter({ has: page.getByRole("heading", { name, exact: true }) });
  for (const said of ["All of the stakeholders of the database", "1 of the people named here: Lena Lindqvist, Audra Aydın, known at least signed in with second factor"]) await expect(card).toContainText(said);
});

test("whoever lacks the second factor reads so, sets it up, and is asked by the plan that is sealed after that", async ({ page, demo, another }) => {
  await signIn(page, demo, "engineer");
  whole = await propose(page, demo, { database: "shop-staging", reason: "Everybody has to agree.", date: day(4), start: "14:00" });
  const lead = await another("lead");
  await lead.goto(windowPage(demo, whole));
  await expect(lead.locator("#vote")).toContainText("You do not vote here: The policy of this plan counts your approval only with a second factor, shown at the sign-in.");
  await expect(lead.locator("#vote")).toContainText("set one up on your profile");
  await expect(lead.locator("#vote").getByRole("button")).toHaveCount(0);
  await setUpFactor(lead, demo);
  await lead.goto(windowPage(demo, whole));
  await expect(lead.locator("#vote")).toContainText("if you had none when the plan was sealed, its owner seals it anew before you are asked");
  await page.goto(`${windowPage(demo, whole)}/move`);
  await page.getByLabel("Start", { exact: true }).fill("15:00");
  await page.getByRole("button", { name: "Move and ask again" }).click();
  await expect(page.locator("main")).toContainText("Moved: sealed as revision 2.");
  await lead.reload();
  const vote = lead.locator("#vote");
  await vote.getByLabel("Approve", { exact: false }).first().check();
  await vote.getByLabel("Short name of the database").fill("shop-staging");
  await vote.getByRole("button", { name: "Send my decision" }).click();
  await expect(lead.locator("main")).toContainText("Your approval was recorded; 2 more are needed.");
  await expect(lead.locator("#approvals tbody tr")).toContainText(/Lena Lindqvist.*signed in with second factor/);
});

test("it is approved by everybody of the group, and not before", async ({ page, demo, another }) => {
  await approve(page, demo, "stakeholder", whole, "shop-staging");
  await signIn(page, demo, "engineer");
  await page.goto(windowPage(demo, whole));
  const approvals = page.locator("#approvals");
  await expect(page.locator(".window-line").first()).toContainText("Waiting for approval");
  await expect(approvals).toContainText(/Stakeholders of the database\s*1 of 2 by Sten Sommer waiting for Mara Market/);
  await expect(page.locator(".blocked")).toContainText(/One stakeholder of the database has to approve. 1 of 2 have. Waiting for Mara Market/);
  // She is away, and somebody else votes in her place.
  const admin = await another("admin");
  const reader = await another();
  await reader.goto((await asked(admin, demo, "milo@shop.example", whole)).link);
  await expect(reader.locator("main")).toContainText("Mara Market");
  await reader.getByLabel(/To approve, type the short name/).fill("shop-staging");
  await reader.getByRole("button", { name: "Approve this plan" }).click();
  await expect(reader.locator("h1")).toHaveText("You have decided");
  await page.reload();
  await expect(page.locator(".window-line").first()).toContainText("Approved");
  await expect(approvals).toContainText(/Stakeholders of the database\s*2 of 2 by/);
});

test("what may not start until its latest start is missed, and people read why", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  // It was to start by now, or will be within the minute; its latest start would be half an hour later.
  sql(demo, "drydock", `UPDATE drydock.revision v SET latest_start_at = greatest(v.start_at, clock_timestamp()) FROM drydock.window w WHERE w.id = v.window_id AND w.number = ${late}`);
  await until(page, windowPage(demo, late), /Missed since/, 120_000);
  await expect(page.locator(".window-line").first()).toContainText("Missed");
  for (const why of ["It had not begun by its latest start", PAUSED]) await expect(page.locator(".state-said")).toContainText(why);
  await expect(page.locator("#conversation li", { hasText: "Missed: not begun by the latest start." })).toContainText(PAUSED);
  await expect(page.locator("#runs")).not.toContainText("by the schedule");
  await wellMade(page);
  for (const role of ["engineer", "stakeholder", "lead"] as const) {
    const told = await mail(page, demo, person(demo, role).email, new RegExp(`^\\[Missed\\] #${late} `));
    for (const said of ["Nothing will run.", PAUSED, "propose it again for another time"]) expect(told.text).toContain(said);
    expect(told.calendar).toContain("METHOD:CANCEL");
  }
  await signOut(page);
  await signIn(page, demo, "admin");
  await page.goto(`${demo.address}/pause`);
  await page.locator("#lasting").getByLabel("Why it may go on").fill("The warehouse has moved.");
  await page.getByRole("button", { name: "Resume maintenance" }).click();
  await expect(page.locator("main")).toContainText("Nothing is paused");
});
