// What every page owes its readers: nothing serious for axe in light and dark, one first heading, and no sideways scrolling on a phone.
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect } from "./demo";

const DESK = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
const FACES = [
  { size: DESK, colorScheme: "light" },
  { size: DESK, colorScheme: "dark" },
  { size: PHONE, colorScheme: "dark" },
  { size: PHONE, colorScheme: "light" },
] as const;

/** Paths that were looked at in this process. */
export const looked = new Set<string>();

export async function wellMade(page: Page) {
  const where = new URL(page.url()).pathname;
  looked.add(where);
  for (const { size, colorScheme } of FACES) {
    await page.setViewportSize(size);
    // Without motion no colour is caught half way between two.
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const face = `${where} at ${size.width} px, ${colorScheme}`;
    const found = await new AxeBuilder({ page }).analyze();
    const serious = found.violations.filter((violation) => ["serious", "critical"].includes(violation.impact ?? ""));
    const said = serious.map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.target.join(" ")).join("; ")}`);
    expect(said, face).toEqual([]);
    const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(beyond, `${face}: pixels beyond the edge`).toBeLessThanOrEqual(0);
  }
  await expect(page.locator("h1"), where).toHaveCount(1);
  await expect(page.locator("main"), where).toHaveCount(1);
  await expect(page, where).toHaveTitle(/\S.* [·-] \S/);
  await page.setViewportSize(DESK);
  await page.emulateMedia({ colorScheme: "light", reducedMotion: null });
}

/** Opens each path and looks at it. */
export async function allWellMade(page: Page, address: string, paths: string[]) {
  for (const path of paths) {
    await page.goto(address + path);
    await wellMade(page);
  }
}
