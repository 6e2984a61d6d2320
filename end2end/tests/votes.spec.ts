// What else people decide than yes: they reject, ask for changes, take a vote back, say that it was not theirs; and what they say to each other.
import { expect, mail, person, signIn, signOut, test, type Demo, type Role } from "./demo";
import { approve, day, until } from "./journey";
import { wellMade } from "./looks";
import { sql } from "./sql";
import type { Page } from "@playwright/test";

test.use({ demoOf: "votes" });
test.describe.configure({ mode: "serial" });

/** The window that is sent back, edited and voted on again, and the link to its first revision. */
let returned = "";
let firstLink = "";
/** The window that several people have open at once. */
let shared = "";

const windowPage = (demo: Demo, window: string) => `${demo.address}/windows/${window}`;

/** Has the database looked at, and waits for the page that seals what was found. */
async function look(page: Page) {
  await page.getByRole("button", { name: "Look at the database" }).click();
  await until(page, page.url(), /What would be done now[^]*Measured/, 60_000);
}

/** The engineer proposes maintenance of the shop on the morning of a day, and gives the window's number. */
async function propose(page: Page, demo: Demo, reason: string, days: number): Promise<string> {
  await page.goto(`${demo.address}/windows/new?database=shop`);
  await page.getByLabel("Reason").fill(reason);
  await page.getByLabel("Date").fill(day(days));
  // At an hour that no change of the clocks takes away or gives twice.
  await page.getByLabel("Start", { exact: true }).fill("05:00");
  await look(page);
  await page.getByRole("button", { name: "Seal and propose", exact: true }).click();
  await expect(page.locator("main")).toContainText("Waiting for approval");
  return new URL(page.url()).pathname.split("/").pop()!;
}

/** The personal address in the newest mail of a kind about a window. */
async function linkTo(page: Page, demo: Demo, role: Role, kind: string, window: string): Promise<string> {
  const found = await mail(page, demo, person(demo, role).email, new RegExp(`^\\[${kind}\\] #${window} `));
  const link = found.links.find((to) => to.includes("/a/"));
  expect(link, found.text).toBeTruthy();
  return link!;
}

/** Chooses a decision on the window's page, and types what goes with it. */
async function choose(page: Page, decision: "Approve" | "Ask for changes" | "Reject", words: { name?: string; comment?: string }) {
  const vote = page.locator("#vote");
  await vote.getByLabel(decision, { exact: false }).first().check();
  if (words.name) await vote.getByLabel("Short name of the database").fill(words.name);
  if (words.comment) await vote.getByLabel("Comment").fill(words.comment);
}

const send = (page: Page) => page.locator("#vote").getByRole("button", { name: "Send my decision" });

test("a stakeholder rejects by the link in a mail, and the page says who and why", async ({ page, demo, another }) => {
  const why = "The shop is counted that morning. Ünïcödé ✓";
  await signIn(page, demo, "engineer");
  const window = await propose(page, demo, "To be turned down.", 2);
  const reader = await another();
  await reader.goto(await linkTo(page, demo, "stakeholder", "Approval needed", window));
  await reader.getByRole("button", { name: "Reject" }).click();
  await expect(reader.getByRole("alert")).toContainText("Nothing was decided.");
  await expect(reader.getByRole("alert")).toContainText("Say why");
  await wellMade(reader);
  await reader.getByLabel("Comment").fill(why);
  await reader.getByRole("button", { name: "Reject" }).click();
  await expect(reader.locator("h1")).toHaveText("You have decided");
  await expect(reader.locator("main")).toContainText("Recorded: rejected");
  const told = await mail(page, demo, person(demo, "engineer").email, new RegExp(`^\\[Rejected\\] #${window} `));
  expect(told.text).toContain("Nothing will run.");
  expect(told.text).toContain(why);
  await page.goto(windowPage(demo, window));
  await expect(page.locator(".window-line").first()).toContainText("Rejected");
  await expect(page.locator(".state-said")).toContainText(why);
  const vote = page.locator("#approvals tbody tr");
  await expect(vote).toHaveCount(1);
  await expect(vote).toContainText("Sten Sommer");
  await expect(vote).toContainText("Rejected");
  await expect(vote).toContainText(why);
  await expect(page.locator("#actions")).not.toContainText("Edit");
});

test("a lead asks for changes, and it comes back to its author as a draft", async ({ page, demo, another }) => {
  const wish = "Leave small tables alone, please.";
  await signIn(page, demo, "engineer");
  returned = await propose(page, demo, "To be changed.", 3);
  firstLink = await linkTo(page, demo, "stakeholder", "Approval needed", returned);
  const lead = await another("lead");
  await lead.goto(windowPage(demo, returned));
  await choose(lead, "Ask for changes", {});
  await send(lead).click();
  await expect(lead.locator(".error-summary")).toContainText("Say why");
  await choose(lead, "Ask for changes", { comment: wish });
  await send(lead).click();
  await expect(lead.locator("main")).toContainText("Your wish for changes went back to the proposer");
  const told = await mail(page, demo, person(demo, "engineer").email, new RegExp(`^\\[Changes requested\\] #${returned} `));
  expect(told.text).toContain("Lena Lindqvist: asked for changes");
  expect(told.text).toContain(wish);
  await page.goto(windowPage(demo, returned));
  await expect(page.locator(".window-line").first()).toContainText("Draft");
  await expect(page.locator(".blocked")).toContainText(`It was sent back: ${wish}`);
  // Nobody else can decide on what is sent back.
  const reader = await another();
  await reader.goto(firstLink);
  await expect(reader.locator("h1")).toHaveText("Sent back for changes");
  await expect(reader.getByRole("button")).toHaveCount(0);
});

test("it is edited and sealed again, and the votes on the old plan do not count", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  await page.goto(windowPage(demo, returned));
  await page.getByRole("link", { name: "Edit", exact: true }).click();
  await expect(page.locator("main")).toContainText("One vote on the current revision will no longer count");
  await page.getByLabel("Reason").fill("Changed as it was asked for.");
  await page.locator("summary", { hasText: "Thresholds" }).click();
  await page.locator("[name=vacuum_min_dead_rows]").fill("20000");
  await look(page);
  await expect(page.getByRole("table", { name: "What this revision changes" })).toContainText("20000");
  await page.getByRole("button", { name: "Seal the new revision", exact: true }).click();
  await expect(page.locator("main")).toContainText("Sealed as revision 2. All votes are asked for anew.");
  await expect(page.locator(".window-line").first()).toContainText("Waiting for approval");
  await expect(page.locator(".window-facts")).toContainText("revision 2");
  await expect(page.locator("#approvals tbody tr")).toContainText("Asked for changes on revision 1, no longer counts");
  await expect(page.locator("#approvals")).toContainText("0 of 1");
  await expect(page.locator("#revisions")).toContainText("Changed as it was asked for.");
});

test("a link to the old plan leads to a fresh one, but not every minute", async ({ page, demo, another }) => {
  await signIn(page, demo, "engineer");
  const second = await linkTo(page, demo, "stakeholder", "Approval needed", returned);
  expect(second).not.toBe(firstLink);
  const reader = await another();
  await reader.goto(firstLink);
  await expect(reader.locator("h1")).toHaveText("The plan was edited");
  await expect(reader.locator("main")).toContainText("Changed as it was asked for.");
  const ask = reader.getByRole("button", { name: "Mail me a fresh link" });
  await ask.click();
  await expect(reader.getByRole("alert")).toContainText("A link was mailed to you less than five minutes ago.");
  await wellMade(reader);
  // Five minutes later.
  sql(demo, "drydock", `UPDATE drydock.link l SET created_at = l.created_at - interval '6 minutes' FROM drydock.window w WHERE w.id = l.window_id AND w.number = ${returned}`);
  await ask.click();
  await expect(reader.locator("h1")).toHaveText("A fresh link is on its way");
  let third = second;
  await expect(async () => {
    third = await linkTo(page, demo, "stakeholder", "Approval needed", returned);
    expect(third).not.toBe(second);
  }).toPass({ timeout: 60_000 });
  await reader.goto(second);
  await expect(reader.locator("h1")).toHaveText("This link was replaced");
  await reader.goto(third);
  await expect(reader.locator("main")).toContainText("Changed as it was asked for.");
  await reader.getByLabel(/To approve, type the short name/).fill("shop");
  await reader.getByRole("button", { name: "Approve this plan" }).click();
  await expect(reader.locator("h1")).toHaveText("You have decided");
  await signOut(page);
  await approve(page, demo, "lead", returned);
});

test("a lead takes the vote back, and what was approved waits again", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  await page.goto(windowPage(demo, returned));
  await expect(page.locator(".window-line").first()).toContainText("Approved");
  await page.getByRole("button", { name: "Take my vote back" }).click();
  await expect(page.locator("main")).toContainText("Your vote was taken back.");
  await expect(page.locator(".window-line").first()).toContainText("Waiting for approval");
  await expect(page.locator(".state-said")).toContainText("withdrawn by the voter");
  await expect(page.locator("#approvals tbody tr", { hasText: "Taken back" })).toContainText("Lena Lindqvist");
  const told = await mail(page, demo, person(demo, "engineer").email, new RegExp(`^\\[Approval lost\\] #${returned} `));
  expect(told.text).toContain("This window was approved and is not any more");
  // Everything that was decided stands in one line of time, oldest first.
  const said = [
    /Egon Eriksen.*Asked for approval/,
    /Lena Lindqvist.*Asked for changes.*Leave small tables alone/,
    /Sent back: changes are asked for/,
    /Egon Eriksen.*Changed the plan: all votes are asked for anew/,
    /Sten Sommer.*Approved/,
    /Lena Lindqvist.*Approved/,
    /Approved: enough people agree/,
    /Lena Lindqvist.*Took the vote back.*withdrawn by the voter/,
  ];
  await expect(page.locator("#conversation li")).toContainText(said);
  await signOut(page);
  await approve(page, demo, "lead", returned);
});

test("whoever was asked lets somebody else decide, and takes it back with what they decided", async ({ page, demo, another }) => {
  await signIn(page, demo, "engineer");
  const window = await propose(page, demo, "Decided by somebody else.", 4);
  const reader = await another();
  await reader.goto(await linkTo(page, demo, "stakeholder", "Approval needed", window));
  await reader.getByText("Let somebody else decide in your place").click();
  await wellMade(reader, "the page on which somebody else is let decide");
  await reader.getByLabel("Their mail address").fill("nobody@shop.example");
  await reader.getByRole("button", { name: "Let them decide" }).click();
  await expect(reader.getByRole("alert")).toContainText("Nobody here has this address.");
  await expect(reader.getByLabel("Their mail address")).toHaveValue("nobody@shop.example");
  await reader.getByLabel("Their mail address").fill(person(demo, "auditor").email);
  await reader.getByRole("button", { name: "Let them decide" }).click();
  await expect(reader.locator("main")).toContainText(/You let .* decide in your place\. Your own decision, given above, counts instead/);

  const delegate = await another();
  await delegate.goto(await linkTo(page, demo, "auditor", "Approval needed", window));
  await expect(delegate.locator("main")).toContainText("Sten Sommer, in whose place you vote; you count once");
  await delegate.getByLabel(/To approve, type the short name/).fill("shop");
  await delegate.getByRole("button", { name: "Approve this plan" }).click();
  await expect(delegate.locator("h1")).toHaveText("You have decided");
  await page.goto(windowPage(demo, window));
  const rows = page.locator("#approvals tbody tr", { hasText: "Sten Sommer" });
  await expect(rows).toContainText("Approve");
  await expect(page.locator("#conversation li", { hasText: "Lets somebody else decide in their place." })).toContainText("Sten Sommer");

  await reader.goto(await linkTo(page, demo, "stakeholder", "Somebody else decides for you", window));
  await expect(reader.locator("h1")).toHaveText("Was this you, Sten Sommer?");
  await reader.getByLabel(/To take that back, type/).fill("shop");
  await reader.getByRole("button", { name: "This was not me: take that back" }).click();
  await expect(reader.locator("h1")).toHaveText("It was taken back");
  await page.goto(windowPage(demo, window));
  await expect(rows).toContainText("this was not me");
});

test("whoever says that it was not them has the vote withdrawn", async ({ page, demo, another }) => {
  await signIn(page, demo, "engineer");
  const notMe = await linkTo(page, demo, "stakeholder", "Your decision was recorded", returned);
  const reader = await another();
  await reader.goto(notMe);
  await expect(reader.locator("h1")).toHaveText("Was this you, Sten Sommer?");
  await expect(reader.locator("main")).toContainText("Sten Sommer approved");
  await reader.getByRole("button", { name: "This was not me: take the vote back" }).click();
  await expect(reader.getByRole("alert")).toContainText("type the database's short name: shop");
  await reader.getByLabel(/To take the vote back, type/).fill("shop");
  await reader.getByRole("button", { name: "This was not me: take the vote back" }).click();
  await expect(reader.locator("h1")).toHaveText("It was taken back");
  await expect(reader.locator("main")).toContainText("The window waits for more votes.");
  const why = "the holder of the mailbox says: this was not me";
  await page.goto(windowPage(demo, returned));
  await expect(page.locator(".window-line").first()).toContainText("Waiting for approval");
  await expect(page.locator(".state-said")).toContainText(why);
  await expect(page.locator("#approvals tbody tr", { hasText: why })).toContainText("Sten Sommer");
  await expect(page.locator("#conversation li", { hasText: why })).toContainText(/Sten Sommer.*Took the vote back/);
  // The link that carried the vote says so, and offers another.
  await reader.goto(await linkTo(page, demo, "stakeholder", "Approval needed", returned));
  await expect(reader.locator("h1")).toHaveText("This link was used");
  await expect(reader.locator("main")).toContainText("The vote it carried was taken back since.");
  await expect(reader.getByRole("button", { name: "Mail me a fresh link" })).toBeVisible();
});

test("a comment tells whom it names, and is taken back", async ({ page, demo, another }) => {
  const text = "@Egon which of the two indexes is the slow one?";
  const lead = await another("lead");
  await lead.goto(windowPage(demo, returned));
  await lead.getByLabel("Your comment").fill(text);
  await lead.getByRole("button", { name: "Comment", exact: true }).click();
  await expect(lead.locator("main")).toContainText("Written. 1 person is told by mail.");
  await signIn(page, demo, "engineer");
  const told = await mail(page, demo, person(demo, "engineer").email, new RegExp(`^\\[You were mentioned\\] #${returned} `));
  expect(told.text).toContain("Lena Lindqvist names you in a comment");
  expect(told.text).toContain(text);
  await page.goto(told.links.find((to) => to.endsWith("#conversation"))!);
  const said = page.locator("#conversation li.comment");
  await expect(said).toContainText(text);
  await expect(said).toContainText("Names Egon Eriksen");
  await expect(said.getByText("Take back")).toHaveCount(0);
  const own = lead.locator("#conversation li.comment");
  await own.getByText("Take back", { exact: true }).click();
  await own.getByRole("button", { name: "Take my comment back" }).click();
  await expect(lead.locator("main")).toContainText("Taken back: nobody is shown the text any more.");
  await page.reload();
  await expect(said).toContainText("Lena Lindqvist");
  await expect(said).toContainText("Taken back by its author");
  await expect(page.locator("main")).not.toContainText("the slow one");
});

test("of two who edit at once the second is told what the first changed, and loses nothing", async ({ page, demo, another }) => {
  await signIn(page, demo, "engineer");
  shared = await propose(page, demo, "To be edited by two.", 4);
  // Two others read this plan, and decide on it when it is another one.
  const lead = await another("lead");
  await lead.goto(windowPage(demo, shared));
  await choose(lead, "Approve", { name: "shop", comment: "Read it twice." });
  const reader = await another();
  await reader.goto(await linkTo(page, demo, "stakeholder", "Approval needed", shared));
  await reader.getByLabel(/To approve, type the short name/).fill("shop");

  const slow = await page.context().newPage();
  for (const [tab, reason] of [[page, "The first one's words."], [slow, "The second one's words."]] as const) {
    await tab.goto(`${windowPage(demo, shared)}/edit`);
    await tab.getByLabel("Reason").fill(reason);
    await look(tab);
  }
  const seal = (tab: Page) => tab.getByRole("button", { name: "Seal the new revision", exact: true });
  await seal(page).click();
  await expect(page.locator("main")).toContainText("Sealed as revision 2.");
  await seal(slow).click();
  await expect(slow.locator("main")).toContainText("This window was edited meanwhile: it is at revision 2, your page showed revision 1.");
  await expect(slow.locator("main")).toContainText("Edited meanwhile: revision 1 became 2");
  await expect(slow.locator("main")).toContainText("The first one's words.");
  await expect(seal(slow)).toHaveCount(0);
  await slow.getByRole("link", { name: "Change something" }).click();
  await expect(slow.getByLabel("Reason")).toHaveValue("The second one's words.");
  await look(slow);
  await seal(slow).click();
  await expect(slow.locator("main")).toContainText("Sealed as revision 3.");
  await expect(slow.locator("#plan")).toContainText("The second one's words.");

  // What was read and what is decided on are the same, or nothing is decided.
  await send(lead).click();
  await expect(lead.locator("main")).toContainText("The plan was edited after your page was made: it is now revision 3");
  await expect(lead.locator("#vote").getByLabel("Comment")).toHaveValue("Read it twice.");
  await reader.getByRole("button", { name: "Approve this plan" }).click();
  await expect(reader.locator("h1")).toHaveText("The plan was edited");
  await expect(reader.getByRole("alert")).toContainText("Nothing was decided. The plan was edited after your page was made: it is now revision 3");
  await page.goto(windowPage(demo, shared));
  await expect(page.locator("#approvals")).toContainText("No votes yet");
});

test("a decision that is sent twice counts once", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  const other = await page.context().newPage();
  for (const tab of [page, other]) {
    await tab.goto(windowPage(demo, shared));
    await choose(tab, "Approve", { name: "shop" });
  }
  // Twice on the button: the browser gives the first sending up, and what is shown is how that one went.
  await send(page).dblclick({ delay: 75 });
  await expect(page.locator("main")).toContainText("Your approval was recorded; 1 more is needed.");
  await send(other).click();
  await expect(other.locator("main")).toContainText("You already decided on this plan: approved");
  const votes = other.locator("#approvals tbody tr");
  await expect(votes).toHaveCount(1);
  await expect(votes).toContainText("Lena Lindqvist");
  await expect(other.locator("#conversation li", { hasText: "Lena Lindqvist" })).toHaveCount(1);
});

test("when too few are left who can decide, the owner hears at once", async ({ page, demo, another }) => {
  // Whoever moves a window has written it: of leads and deputies the lead alone is left.
  const deputy = await another("deputy");
  await deputy.goto(`${windowPage(demo, shared)}/move`);
  await deputy.getByLabel("Date").fill(day(5));
  await deputy.getByRole("button", { name: "Move and ask again" }).click();
  await expect(deputy.locator("main")).toContainText("Moved: sealed as revision 4.");
  const lead = await another("lead");
  await lead.goto(`${demo.address}/me/absence`);
  await lead.getByLabel("First day away").fill(day(0));
  await lead.getByLabel("Last day away").fill(day(7));
  await lead.getByRole("button", { name: "Save" }).click();
  await expect(lead.locator("main li", { hasText: "away now" })).toContainText("Nobody votes meanwhile.");

  await signIn(page, demo, "engineer");
  const told = await mail(page, demo, person(demo, "engineer").email, new RegExp(`^\\[Cannot be approved in time\\] #${shared} `));
  expect(told.text).toContain("Too few of the people whom the plan asks can still decide in time.");
  for (const why of [/Lena Lindqvist \(away until .+, and nobody votes meanwhile\)/, /Dario Duarte \(wrote a revision\)/]) expect(told.text).toMatch(why);
  await page.goto(windowPage(demo, shared));
  await expect(page.locator(".blocked")).toContainText("It cannot be approved in time: ");
  await expect(page.locator(".blocked")).toContainText("Dario Duarte (wrote a revision)");
  await expect(page.locator("#conversation")).toContainText("Too few people can still decide in time.");
  await page.goto(demo.address);
  await expect(page.locator("main")).toContainText("It cannot be approved in time any more");
  await lead.getByRole("button", { name: "Back now: end it" }).click();
  await expect(lead.locator("main")).toContainText("Nothing planned");
  await until(page, windowPage(demo, shared), /Enough people can decide in time again\./, 60_000);
  await expect(page.locator(".blocked")).not.toContainText("It cannot be approved in time");
});
