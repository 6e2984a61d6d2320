// What a newcomer meets: an installation that nobody has set up, its wizard, and pages that have nothing to show yet.
import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { environment, expect, program, test } from "./demo";
import { allWellMade, wellMade } from "./looks";

const PASSWORD = "four unrelated words here";
let folder: string;
let child: ChildProcess;
let address: string;

test.beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "drydock-first-"));
  chmodSync(folder, 0o755);
  child = spawn(program, ["serve", "--listen", "127.0.0.1:0", "--data-dir", folder], { env: environment, stdio: ["ignore", "ignore", "pipe"] });
  const said: string[] = [];
  address = await new Promise<string>((resolve, reject) => {
    child.stderr!.on("data", (data: Buffer) => {
      said.push(data.toString());
      const ready = /Drydock is ready: (\S+)/.exec(said.join(""));
      if (ready) resolve(ready[1].replace(/\/$/, ""));
    });
    child.on("exit", (code) => reject(new Error(`serve ended with ${code}:\n${said.join("")}`)));
  });
});

test.afterAll(async () => {
  const gone = new Promise((resolve) => child.on("exit", resolve));
  child.kill("SIGINT");
  await gone;
  rmSync(folder, { recursive: true, force: true });
});

test("a newcomer sets Drydock up, and every empty page says what it is and what to do", async ({ page }) => {
  await page.goto(`${address}/windows`);
  await expect(page, "nothing works before the first run").toHaveURL(`${address}/setup`);
  await wellMade(page);

  const wizard = page.locator("form[action='/setup']");
  await wizard.getByLabel("Your name").fill("Nora Newcomer");
  await wizard.getByLabel("Your e-mail address").fill("nora@example.org");
  await wizard.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await wizard.getByLabel("Password again").fill("another one entirely");
  await wizard.getByRole("button").click();
  await expect(page.locator(".error-summary"), "the two passwords differ").toBeVisible();
  await expect(wizard.getByLabel("Your name"), "nothing that was typed is lost").toHaveValue("Nora Newcomer");
  await expect(wizard.getByLabel("Password", { exact: true }), "but passwords never come back").toHaveValue("");
  await wellMade(page);
  await wizard.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await wizard.getByLabel("Password again").fill(PASSWORD);
  await wizard.getByRole("button").click();
  await expect(page).toHaveURL(`${address}/`);
  await expect(page.locator(".empty-title").first()).toHaveText("Begin with a team");
  await wellMade(page);

  // Mail is tried before it matters: without a mail server the message waits where it says why.
  await page.getByRole("button", { name: "Send a test mail" }).click();
  await expect(page).toHaveURL(`${address}/admin/outbox`);
  await expect(page.getByRole("status")).toContainText("A test mail goes to nora@example.org");
  await expect(page.getByRole("row", { name: /Test mail/ })).toBeVisible();

  // Each empty list explains itself.
  for (const list of ["/windows", "/databases", "/teams"]) {
    await page.goto(address + list);
    await expect(page.locator(".empty"), list).toBeVisible();
    await wellMade(page);
  }
  await allWellMade(page, address, ["/people", "/audit", "/admin/outbox", "/policies", "/windows/new", "/databases/new"]);

  await page.goto(`${address}/teams`);
  await page.locator("main").getByRole("link", { name: "Add a team" }).first().click();
  await page.getByLabel("Name", { exact: true }).fill("Orders");
  await page.getByLabel("Short name").fill("orders");
  await page.getByRole("button", { name: "Add team" }).click();
  await expect(page.locator("h1")).toHaveText("Orders");
  await wellMade(page);

  // The wizard locked itself.
  await page.goto(`${address}/setup`);
  await expect(page.locator("main")).toContainText("is set up");
  await expect(page.locator("form[action='/setup']")).toHaveCount(0);
});
