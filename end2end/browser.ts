// The system's own browser: the one without windows of its own where it is installed, for it does the same in four fifths of the time.
import { existsSync } from "node:fs";

const shell = "/usr/bin/chromium-headless-shell";
export const browser = process.env.DRYDOCK_CHROMIUM ?? (existsSync(shell) ? shell : "/usr/bin/chromium");
