// A fresh demo for a file of journeys: real processes, real databases, real mails in its mailbox.
import { test as base, expect, type BrowserContext, type Page } from "@playwright/test";
import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { mouse, type Hand } from "./hand";

export type Role = "admin" | "lead" | "deputy" | "engineer" | "stakeholder" | "auditor";
export interface Demo {
  address: string;
  mailbox: string;
  sign_ins: { role: Role; email: string; password: string }[];
  targets: { name: string; dbms: string; host: string; port: number; database: string }[];
  folder: string;
  /** Its one process: stopped, it answers nobody. */
  pid: number;
}
export interface Mail { id: number; to: string; subject: string; at: string; text: string; links: string[]; calendar: string | null }

export const program = process.env.DRYDOCK_PROGRAM ?? path.resolve(import.meta.dirname, "../../target/debug/drydock");

// What chooses the program and the browser is no setting of Drydock, which refuses what it does not know.
const { DRYDOCK_PROGRAM: _program, DRYDOCK_CHROMIUM: _chromium, ...environment } = process.env;
export { environment };

async function start(folder: string): Promise<{ demo: Demo; child: ChildProcess }> {
  const child = spawn(program, ["demo", "--json", "--listen", "127.0.0.1:0", "--data-dir", folder], { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  const said: string[] = [];
  child.stderr!.on("data", (data: Buffer) => said.push(data.toString()));
  const lines = createInterface({ input: child.stdout! });
  const demo = await new Promise<Demo>((resolve, reject) => {
    lines.on("line", (line) => { if (line.startsWith("{")) resolve({ ...JSON.parse(line), folder, pid: child.pid! }); });
    child.on("exit", (code) => reject(new Error(`the demo ended with ${code}:\n${said.join("")}`)));
  });
  return { demo, child };
}

/** The demo's own windows are #1 to #8: the next one is the journey's first. */
export const FIRST = 9;

/** Pages that a test watches from within, by a script of the driver's own. */
export const withWatch = new WeakSet<Page>();

/** The process that serves the pages: a child of the demo's own, which only watches over it. */
export function webProcess(demo: Demo): number {
  const children = readdirSync(`/proc/${demo.pid}/task`).flatMap((task) => readFileSync(`/proc/${demo.pid}/task/${task}/children`, "utf8").trim().split(" "));
  const found = children.filter(Boolean).find((child) => readFileSync(`/proc/${child}/cmdline`, "utf8").split("\0")[1] === "web");
  if (!found) throw new Error(`no web process among ${children}`);
  return Number(found);
}

export const test = base.extend<{ consoleIsClean: void; another: (role?: Role) => Promise<Page> }, { demo: Demo; demoOf: string }>({
  // Files that name another demo get another process, and with it a fresh demo.
  demoOf: ["journey", { option: true, scope: "worker" }],
  demo: [
    async ({ demoOf }, use) => {
      const folder = mkdtempSync(path.join(tmpdir(), `drydock-${demoOf}-`));
      // Started by root, the database runs as another user, who must be able to enter; else the demo moves elsewhere.
      chmodSync(folder, 0o755);
      const { demo, child } = await start(folder);
      await use(demo);
      const gone = new Promise((resolve) => child.on("exit", resolve));
      child.kill("SIGINT");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
    { scope: "worker", timeout: 120_000 },
  ],
  // The browser of somebody else, signed in where a role is named.
  another: async ({ browser, demo }, use) => {
    const opened: BrowserContext[] = [];
    await use(async (role) => {
      const context = await browser.newContext();
      opened.push(context);
      const page = await context.newPage();
      if (role) await signIn(page, demo, role);
      return page;
    });
    for (const context of opened) await context.close();
  },
  // Nothing may be written to the console: no script error, no report of the content security policy.
  consoleIsClean: [
    async ({ page }, use) => {
      const said: string[] = [];
      page.on("console", (message) => { if (["error", "warning"].includes(message.type())) said.push(message.text()); });
      page.on("pageerror", (error) => said.push(String(error)));
      await use();
      const expected = /status of (4\d\d|503)|was preloaded using link preload/;
      // In the sandbox of a mail the driver's own watch is blocked too, where a test keeps one.
      const blocked = /^Blocked script execution in '[^']*\/mailbox\/\d+\/html'/;
      expect(said.filter((text) => !expected.test(text) && !(withWatch.has(page) && blocked.test(text)))).toEqual([]);
    },
    { auto: true },
  ],
});
export { expect };

export function person(demo: Demo, role: Role) {
  const found = demo.sign_ins.find((entry) => entry.role === role);
  if (!found) throw new Error(`the demo has no ${role}`);
  return found;
}

export async function signIn(page: Page, demo: Demo, role: Role, hand: Hand = mouse) {
  const { email, password } = person(demo, role);
  await page.goto(`${demo.address}/login`);
  await hand.fill(page.getByLabel("E-mail address"), email);
  await hand.fill(page.getByLabel("Password", { exact: true }), password);
  await hand.press(page.getByRole("button", { name: "Sign in", exact: true }));
  await expect(page.getByRole("button", { name: "Sign out" })).toBeVisible();
}

export async function signOut(page: Page, hand: Hand = mouse) {
  await hand.press(page.getByRole("button", { name: "Sign out" }));
  await expect(page.getByRole("button", { name: "Sign out" })).toHaveCount(0);
}

/** The newest mail to a person whose subject matches; waits until it is there. */
export async function mail(page: Page, demo: Demo, recipient: string, subject: RegExp): Promise<Mail> {
  let found: Mail | undefined;
  await expect(async () => {
    // Of one person: of everybody's the newest alone are listed, and the demo sends many.
    const answer = await page.request.get(`${demo.address}/mailbox.json?to=${encodeURIComponent(recipient)}`);
    expect(answer.status()).toBe(200);
    const mails = (await answer.json()) as Mail[];
    found = mails.filter((entry) => entry.to === recipient && subject.test(entry.subject)).sort((a, b) => b.id - a.id)[0];
    expect(found).toBeTruthy();
  }).toPass({ timeout: 60_000 });
  return found!;
}
