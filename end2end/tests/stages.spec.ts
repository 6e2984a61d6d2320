// A policy in two stages: refused while nobody could meet it, agreed to by those whom it rules, asked "who must approve?", kept true by an
// example, and lived by; then a version of it that approves beforehand what only reads, and one that asks for a share of a group.
import { expect, mail, person, signIn, signOut, test, type Demo, type Mail } from "./demo";
import { agree, approve, day, until } from "./journey";
import { wellMade } from "./looks";
import type { Locator, Page } from "@playwright/test";

test.use({ demoOf: "stages" });
test.describe.configure({ mode: "serial" });

const NAME = "Staging in two stages";
const EXAMPLE = "Weekly on the copy";
/** She depends on the copy, and has a mailbox and nothing else here. */
const NORA = "nora@shop.example";
/** The window that is asked about in two stages. */
let number = "";

const rule = (page: Page, index: number) => page.getByRole("group", { name: `Rule ${index}`, exact: true });

/** The form of the policy's next version. */
async function change(page: Page, demo: Demo) {
  await page.goto(`${demo.address}/policies`);
  await page.getByRole("link", { name: `Change the policy ${NAME}` }).click();
  await expect(page.locator("h1")).toContainText(NAME);
}

/** Proposes a window on the copy, whose form says this about who must approve. Gives its number. */
async function propose(page: Page, demo: Demo, procedure: string, date: string, says: (string | RegExp)[]): Promise<string> {
  await page.goto(`${demo.address}/windows/new?database=shop-staging`);
  await page.getByRole("radio", { name: procedure }).check();
  await page.getByRole("button", { name: "Show its fields" }).click();
  await expect(page.locator("main")).toContainText(`Thresholds of ${procedure}`);
  for (const said of says) await expect(page.locator("main")).toContainText(said);
  await page.getByLabel("Reason").fill("The release is tried on the copy.");
  await page.getByLabel("Date").fill(date);
  await page.getByLabel("Start", { exact: true }).fill("14:00");
  await page.getByRole("button", { name: "Look at the database" }).click();
  await expect(page).toHaveURL(/look=/);
  await until(page, page.url(), /Sealing fixes these bytes/, 60_000);
  await page.getByRole("button", { name: "Seal and propose", exact: true }).click();
  await expect(page.locator("main")).toContainText(/Proposed[.,]/);
  return new URL(page.url()).pathname.split("/").pop()!;
}

/** Everybody who was asked about the window by mail. */
async function askedByMail(page: Page, demo: Demo, window: string): Promise<string[]> {
  const mails = (await (await page.request.get(`${demo.address}/mailbox.json`)).json()) as Mail[];
  return mails.filter((entry) => entry.subject.startsWith(`[Approval needed] #${window} `)).map((entry) => entry.to);
}

const ask = (page: Page) => page.getByRole("button", { name: "Who must approve?" }).click();

/** What the simulator's page answers. */
const answer = (page: Page): Locator => page.locator("#answer");

test("what nobody could meet is refused with the reason, and what was typed stays", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  await page.goto(`${demo.address}/policies/new`);
  await page.getByLabel("Name", { exact: true }).fill(NAME);
  await page.getByRole("group", { name: "What it rules: environments" }).getByLabel("Staging").check();
  await rule(page, 2).getByLabel("Number, or at least").fill("5");
  await rule(page, 2).getByLabel("Stage").selectOption("2");
  await page.getByLabel("Quorum stands, minutes before the latest start").fill("120");
  await page.getByLabel("Ask again after, minutes").first().fill("240");
  await page.getByRole("radio", { name: "Others are asked too" }).first().check();
  const second = page.getByRole("group", { name: "Who is asked too" });
  await second.getByLabel("Who", { exact: true }).selectOption("Engineers of the owner team");
  await second.getByLabel("Time they have, minutes").fill("60");
  await page.getByLabel("Whoever approves does not execute").check();
  await page.getByRole("button", { name: /^Propose/ }).click();
  await expect(page.locator("main")).toContainText(/On shop-staging: .* may propose windows here, and nobody could ever approve them/);
  await expect(page.locator("main")).toContainText("5 of the leads and deputies of the owner team");
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue(NAME);
  await expect(page.getByRole("group", { name: "What it rules: environments" }).getByLabel("Staging")).toBeChecked();
  await expect(rule(page, 2).getByLabel("Number, or at least")).toHaveValue("5");
  await expect(rule(page, 2).getByLabel("Stage")).toHaveValue("2");
  await expect(second.getByLabel("Time they have, minutes")).toHaveValue("60");
  await expect(page.getByLabel("Whoever approves does not execute")).toBeChecked();
  await wellMade(page);
  await rule(page, 2).getByLabel("Number, or at least").fill("1");
  await page.getByRole("button", { name: /^Propose/ }).click();
  await expect(page.locator("main")).toContainText("It counts once 2 others have agreed");
  // What ruled before goes on ruling until then.
  await page.goto(`${demo.address}/policies/who?database=shop-staging`);
  await expect(answer(page)).toContainText("Standard, version 1");
  await signOut(page);
});

test("it counts once those whom it rules agreed", async ({ page, demo }) => {
  await agree(page, demo, /Proposed: a new policy “Staging in two stages”/);
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/policies`);
  await expect(page.locator("main")).not.toContainText("Proposed: a new policy");
  const card = page.locator(".card").filter({ has: page.getByRole("heading", { name: NAME, exact: true }) });
  for (const said of [
    "Stage 1: 1 of the stakeholders of the database",
    "Stage 2: 1 of the leads and deputies of the owner team",
    "The quorum has to stand 120 minutes before the latest start.",
    "the engineers of the owner team are asked too, and have 60 minutes",
    "asked again every 240 minutes",
    "Whoever approved neither starts the run by hand nor lets it go on after a hold.",
  ]) await expect(card).toContainText(said);
});

test("the simulator says who must approve, and whether those who are there suffice", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  await page.goto(`${demo.address}/policies/who`);
  await page.getByLabel("Database").selectOption("shop-staging");
  await ask(page);
  await expect(answer(page)).toContainText("can be approved");
  await expect(answer(page)).toContainText(`${NAME}, version 1`);
  await page.getByLabel("Proposed by").selectOption("Egon Eriksen");
  await page.getByRole("group", { name: "Not there" }).getByLabel("Sten Sommer").check();
  await ask(page);
  await expect(answer(page)).toContainText("can be approved");
  const stakeholders = answer(page).getByRole("row", { name: /stakeholders of the database/ });
  await expect(stakeholders).toContainText("Mara Market");
  await expect(stakeholders).toContainText("not there: Sten Sommer");
  await page.getByRole("group", { name: "Not there" }).getByLabel(/^Mara Market/).check();
  await ask(page);
  await expect(answer(page)).toContainText("nobody could get it approved");
  await expect(answer(page)).toContainText("1 of the stakeholders of the database has to approve, and 0 could.");
  // As if the database had grown, and with a procedure that people composed.
  await page.goto(`${demo.address}/policies/who?database=invoices`);
  await expect(answer(page)).toContainText("Billing, version 1");
  await page.getByLabel("It holds, MiB").fill("102400");
  await page.getByLabel("Procedure").selectOption("nightly for the shop");
  await ask(page);
  await expect(answer(page)).toContainText("Billing, large databases, version 1");
  await expect(answer(page)).toContainText("as asked here");
});

test("an example is kept, and a version that breaks it is refused by its name", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  await page.goto(`${demo.address}/policies/who?database=shop-staging`);
  await expect(page.locator("main")).toContainText(`2 people by “${NAME}”, and they are there`);
  await page.getByLabel("What to call it").fill(EXAMPLE);
  await page.getByRole("button", { name: "Keep this example" }).click();
  await expect(page.locator("main")).toContainText("Kept. Every change of a policy has to keep it true.");
  await expect(page.getByRole("row", { name: new RegExp(EXAMPLE) })).toContainText("true");
  await change(page, demo);
  await rule(page, 2).getByLabel("Who", { exact: true }).selectOption("Nobody: not used");
  await page.getByRole("button", { name: /^Propose/ }).click();
  await expect(page.locator("main")).toContainText(`“${EXAMPLE}” expects 2 people by “${NAME}”, and they are there; it would be 1 person by “${NAME}”`);
  await expect(rule(page, 2).getByLabel("Who", { exact: true })).toHaveValue("");
});

test("the first stage is asked first, and the second once that one is met", async ({ page, demo }) => {
  const [stakeholder, lead] = [person(demo, "stakeholder").email, person(demo, "lead").email];
  await signIn(page, demo, "engineer");
  const says = ["Each stage is asked once the one before is complete.", /Without quorum in time, also asked: .*Dario Duarte/];
  number = await propose(page, demo, "weekly (PostgreSQL)", day(3), says);
  const approvals = page.locator("#approvals");
  await expect(approvals).toContainText(/Stage 1: [^]*waiting for [^]*Sten Sommer/);
  await expect(approvals).toContainText(/Stage 2: [^]*asked once the stage before is complete/);
  await signOut(page);
  await signIn(page, demo, "admin");
  await mail(page, demo, stakeholder, new RegExp(`^\\[Approval needed\\] #${number} `));
  expect(await askedByMail(page, demo, number)).not.toContain(lead);
  await signOut(page);
  await approve(page, demo, "stakeholder", number, "shop-staging");
  await signIn(page, demo, "admin");
  await mail(page, demo, lead, new RegExp(`^\\[Approval needed\\] #${number} `));
  await page.goto(`${demo.address}/windows/${number}`);
  await expect(approvals).toContainText(/Stage 1: [^]*1 of 1 by Sten Sommer/);
  await expect(approvals).toContainText(/Stage 2: [^]*waiting for [^]*Lena Lindqvist/);
  await wellMade(page);
  await signOut(page);
  await approve(page, demo, "lead", number, "shop-staging");
  await signIn(page, demo, "lead");
  await page.goto(`${demo.address}/windows/${number}`);
  await expect(page.locator(".window-line").first()).toContainText("Approved");
  await expect(page.locator("#actions")).toContainText("its policy wants somebody else to start it");
});

test("a version that approves beforehand what only reads takes the same agreement", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  await change(page, demo);
  await page.getByLabel("Approved beforehand, without any vote").selectOption("R0: reads only");
  await page.getByRole("button", { name: /^Propose/ }).click();
  await expect(page.locator("main")).toContainText("It counts once 2 others have agreed");
  await expect(page.locator("main")).toContainText("Approved beforehand, without any vote: windows of risk R0 or lower (reads only).");
  await signOut(page);
  await agree(page, demo, /Proposed: version 2 of “Staging in two stages”/);
});

test("a window that only reads is approved at once, and its page says that nobody was asked", async ({ page, demo }) => {
  await signIn(page, demo, "engineer");
  const says = ["Nobody is asked: the policy approves this risk class beforehand."];
  const review = await propose(page, demo, "monthly review (PostgreSQL)", day(4), says);
  await expect(page.locator(".window-line").first()).toContainText("Approved");
  const approvals = page.locator("#approvals");
  await expect(approvals).toContainText("Nobody was asked: the policy approves risk R0 (reads only) by itself.");
  await expect(approvals).toContainText(`${NAME}, version 2`);
  await wellMade(page);
  await signOut(page);
  await signIn(page, demo, "admin");
  const told = await mail(page, demo, person(demo, "stakeholder").email, new RegExp(`^\\[Approved\\] #${review} `));
  expect(told.text).toContain("Nobody was asked. Approved beforehand by the policy");
  expect(await askedByMail(page, demo, review)).toEqual([]);
});

test("a policy is chosen by what a database holds, as it was measured", async ({ page, demo }) => {
  await signIn(page, demo, "admin");
  await page.goto(`${demo.address}/policies/new`);
  await page.getByLabel("Name", { exact: true }).fill("Large databases");
  await page.getByRole("group", { name: "What it rules: environments" }).getByLabel("Production").check();
  await page.getByLabel("Precedence").fill("41");
  await page.getByText("Only some of the windows there").click();
  const held = page.getByLabel("Only databases that hold at least so much, MiB");
  await held.fill("1");
  await page.getByRole("button", { name: /^Propose/ }).click();
  // The shop holds more: what is kept as an example would not be true any more.
  await expect(page.locator("main")).toContainText("it would be 2 people by “Large databases”");
  await expect(held).toBeVisible();
  await expect(held).toHaveValue("1");
  await held.fill("1000000");
  await page.getByRole("button", { name: /^Propose/ }).click();
  await expect(page.locator("main")).toContainText(/It counts once \d+ others? (has|have) agreed/);
  await signOut(page);
  await agree(page, demo, /Proposed: a new policy “Large databases”/);
  await signIn(page, demo, "admin");
  await page.goto(`${demo.address}/policies`);
  await expect(page.locator("main")).toContainText("databases that hold 1000000 MiB or more, or that nobody could measure");
  await page.goto(`${demo.address}/policies/who?database=shop`);
  await expect(answer(page)).toContainText("Standard, version 1");
  await expect(answer(page)).toContainText(/The database holds\s*[\d.,]+ [MG]B, as last measured/);
  await wellMade(page);
});

test("a version that asks for a share of a group says how many that is", async ({ page, demo }) => {
  await signIn(page, demo, "lead");
  // A third person depends on the copy: of three, 60 % is two, rounded up.
  await page.goto(`${demo.address}/databases`);
  await page.getByRole("row", { name: /shop-staging/ }).getByRole("link").first().click();
  await page.getByRole("link", { name: "Edit stakeholders" }).click();
  const stakeholders = page.getByLabel("Stakeholders", { exact: true });
  await stakeholders.fill(`${await stakeholders.inputValue()}\nNora Nord <${NORA}>`);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.locator("#stakeholders li")).toHaveCount(3);
  await signOut(page);
  await signIn(page, demo, "admin");
  await change(page, demo);
  await rule(page, 1).getByLabel("How many").selectOption("a share");
  await rule(page, 1).getByLabel("Share, %").fill("101");
  await rule(page, 2).getByLabel("Who", { exact: true }).selectOption("Nobody: not used");
  await page.getByRole("button", { name: /^Propose/ }).click();
  await expect(page.locator(".error-summary")).toContainText("Give a whole number from 1 to 100.");
  await expect(rule(page, 1).getByLabel("How many")).toHaveValue("percent");
  await rule(page, 1).getByLabel("Share, %").fill("60");
  await page.getByRole("button", { name: /^Propose/ }).click();
  // The example expects two people: that is what the share comes to.
  await expect(page.locator("main")).toContainText("It counts once 2 others have agreed");
  await signOut(page);
  await agree(page, demo, /Proposed: version 3 of “Staging in two stages”/);
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/policies`);
  const card = page.locator(".card").filter({ has: page.getByRole("heading", { name: NAME, exact: true }) });
  await expect(card).toContainText("60 % of the stakeholders of the database, known at least");
  await page.goto(`${demo.address}/policies/who?database=shop-staging`);
  await expect(answer(page)).toContainText(`${NAME}, version 3`);
  await expect(answer(page).getByRole("row", { name: /stakeholders of the database/ }).getByRole("cell").first()).toHaveText("2");
});

test("one approval of the share is not enough, and the second one is", async ({ page, demo, another }) => {
  await signIn(page, demo, "engineer");
  const shared = await propose(page, demo, "weekly (PostgreSQL)", day(5), [/Nora Nord/]);
  const [status, approvals] = [page.locator(".window-line").first(), page.locator("#approvals")];
  await expect(approvals).toContainText(/Stakeholders of the database\s*0 of 2 waiting for/);
  await expect(page.locator(".blocked")).toContainText("2 stakeholders of the database have to approve.");
  await signOut(page);
  await approve(page, demo, "stakeholder", shared, "shop-staging");
  await signIn(page, demo, "engineer");
  await page.goto(`${demo.address}/windows/${shared}`);
  await expect(status).toContainText("Waiting for approval");
  await expect(approvals).toContainText(/Stakeholders of the database\s*1 of 2 by Sten Sommer waiting for [^]*Nora Nord/);
  await expect(page.locator(".blocked")).toContainText("One stakeholder of the database has to approve. 1 of 2 have.");
  await wellMade(page);
  const admin = await another("admin");
  const { links, text } = await mail(admin, demo, NORA, new RegExp(`^\\[Approval needed\\] #${shared} `));
  const link = links.find((to) => to.includes("/a/"))!;
  expect(link, text).toBeTruthy();
  const reader = await another();
  await reader.goto(link);
  await expect(reader.locator("main")).toContainText("1 of 2");
  await reader.getByLabel(/To approve, type the short name/).fill("shop-staging");
  await reader.getByRole("button", { name: "Approve this plan" }).click();
  await expect(reader.locator("h1")).toHaveText("You have decided");
  await page.reload();
  await expect(status).toContainText("Approved");
  await expect(approvals).toContainText(/Stakeholders of the database\s*2 of 2 by/);
});
