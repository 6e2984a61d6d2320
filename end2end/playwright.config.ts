import { defineConfig } from "@playwright/test";
import { browser } from "./browser";

// One demo serves the journeys of a file, and journeys change it: they run one after another, and two files beside each other, each with a demo
// of its own. The browser is the system's own.
export default defineConfig({
  testDir: "tests",
  workers: 2,
  fullyParallel: false,
  forbidOnly: true,
  retries: 0,
  timeout: 180_000,
  expect: { timeout: 15_000 },
  reporter: [["list"]],
  outputDir: "results",
  use: {
    browserName: "chromium",
    viewport: { width: 1280, height: 900 },
    screenshot: "only-on-failure",
    // A trace of every page costs a third of the time: DRYDOCK_TRACE=1 when a journey has to be looked into.
    trace: process.env.DRYDOCK_TRACE ? "retain-on-failure" : "off",
    launchOptions: {
      executablePath: browser,
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    },
  },
});
