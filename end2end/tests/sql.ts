// Statements in a demo's own databases, as their superuser: what no page does.
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import type { Demo } from "./demo";

export function sql(demo: Demo, database: string, text: string): string {
  const cluster = path.join(demo.folder, "cluster");
  const read = (name: string) => readFileSync(path.join(cluster, name), "utf8").trim();
  const words = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", read("port"), "-U", "postgres", "-d", database, "-f", "-"];
  return execFileSync("psql", words, { input: text, encoding: "utf8", env: { ...process.env, PGPASSWORD: read("superuser.password") } });
}

// A session of somebody else that stays, does nothing, and says how it ended.
export function session(demo: Demo, database: string, account: string, password: string) {
  const port = readFileSync(path.join(demo.folder, "cluster", "port"), "utf8").trim();
  const words = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", port, "-U", account, "-d", database];
  const child = spawn("psql", words, { stdio: ["pipe", "ignore", "ignore"], env: { ...process.env, PGPASSWORD: password } });
  child.stdin.on("error", () => undefined);
  child.stdin.write("SELECT 1;\n");
  // psql learns that its session was ended when it uses it; between two of these it is idle.
  const asks = setInterval(() => child.stdin.write("SELECT 1;\n"), 1000);
  const ended = new Promise<number | null>((done) => child.on("exit", (code) => (clearInterval(asks), done(code))));
  return { ended, kill: () => child.kill() };
}
