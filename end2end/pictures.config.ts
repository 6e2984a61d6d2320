// `make pictures`: the README's pictures, taken anew from a demo. Not a test; `make test` does not run it.
import { defineConfig } from "@playwright/test";
import journeys from "./playwright.config";

export default defineConfig({ ...journeys, testDir: "pictures", use: { ...journeys.use, viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1.5 } });
