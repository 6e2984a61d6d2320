// Statements in a demo's own databases, as their superuser: what no page does.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import type { Demo } from "./demo";

export function sql(demo: Demo, database: string, text: string): string {
  const cluster = path.join(demo.folder, "cluster");
  const read = (name: string) => readFileSync(path.join(cluster, name), "utf8").trim();
  const words = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", read("port"), "-U", "postgres", "-d", database, "-f", "-"];
  return execFileSync("psql", words, { input: text, encoding: "utf8", env: { ...process.env, PGPASSWORD: read("superuser.password") } });
}
