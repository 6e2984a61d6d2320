// What every page owes its readers: nothing serious for axe in light and dark, one first heading, and no sideways scrolling on a phone.
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect } from "./demo";

const DESK = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
/** A sheet of A4 between its margins, at 96 pixels an inch. */
const PAPER = { width: 680, height: 980 };
// All rules where the layout differs; where only the colours do, the rules about colours. Forced colours are the reader's own: axe would compare
// them with the ones they replace, and what they leave is looked at apart.
const FACES = [
  { size: DESK, colorScheme: "light", forcedColors: "none", rules: "all" },
  { size: DESK, colorScheme: "dark", forcedColors: "none", rules: "colours" },
  { size: PHONE, colorScheme: "dark", forcedColors: "none", rules: "all" },
  { size: PHONE, colorScheme: "light", forcedColors: "none", rules: "colours" },
  { size: DESK, colorScheme: "dark", forcedColors: "active", rules: "none" },
] as const;

/** Paths that were looked at in this process. */
export const looked = new Set<string>();

export async function wellMade(page: Page) {
  const where = new URL(page.url()).pathname;
  looked.add(where);
  for (const { size, colorScheme, forcedColors, rules } of FACES) {
    await page.setViewportSize(size);
    // Without motion no colour is caught half way between two.
    await page.emulateMedia({ colorScheme, forcedColors, reducedMotion: "reduce" });
    const face = `${where} at ${size.width} px, ${colorScheme}, forced colours ${forcedColors}`;
    if (rules !== "none") expect(await broken(page, rules), face).toEqual([]);
    if (forcedColors === "active") expect(await indistinct(page), face).toEqual([]);
    const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(beyond, `${face}: pixels beyond the edge`).toBeLessThanOrEqual(0);
  }
  await expect(page.locator("h1"), where).toHaveCount(1);
  await expect(page.locator("main"), where).toHaveCount(1);
  await expect(page, where).toHaveTitle(/\S.* [·-] \S/);
  await printed(page, where);
  await page.setViewportSize(DESK);
  await page.emulateMedia({ media: null, colorScheme: "light", forcedColors: null, reducedMotion: null });
}

/** What axe calls serious or critical. */
async function broken(page: Page, rules: "all" | "colours"): Promise<string[]> {
  // Legacy: in this page alone, which has no frames; else each look opens a page of its own to put those of all frames together.
  const axe = new AxeBuilder({ page }).setLegacyMode();
  const chosen = rules === "all" ? {} : { runOnly: { type: "rule" as const, values: ["color-contrast", "link-in-text-block"] } };
  const found = await axe.options({ ...chosen, resultTypes: ["violations"] }).analyze();
  const serious = found.violations.filter((violation) => ["serious", "critical"].includes(violation.impact ?? ""));
  return serious.map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.target.join(" ")).join("; ")}`);
}

/** What can be pressed or typed into, and shows no edge: with backgrounds gone, the edge is all that says so. */
async function indistinct(page: Page): Promise<string[]> {
  return await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("button, .button, input, select, textarea, .pill")]
      .filter((element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
      .filter((element) => {
        const style = getComputedStyle(element);
        const edge = parseFloat(style.borderTopWidth) > 0 && style.borderTopStyle !== "none" && style.borderTopColor !== style.backgroundColor;
        return !edge && !["hidden", "checkbox", "radio"].includes(element.getAttribute("type") ?? "");
      })
      .map((element) => element.outerHTML.slice(0, 120)),
  );
}

/** On paper: black on white whatever the screen's colours, the content alone, and nothing cut off at the edge. */
async function printed(page: Page, where: string) {
  await page.setViewportSize(PAPER);
  await page.emulateMedia({ media: "print", colorScheme: "dark", forcedColors: "none" });
  await expect(page.locator("h1"), `${where}, printed`).toBeVisible();
  await expect(page.locator(".top:visible, .banner:visible, form button:visible"), `${where}, printed`).toHaveCount(0);
  const paper = await page.evaluate(() => ({
    colour: getComputedStyle(document.documentElement).backgroundColor,
    beyond: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  }));
  // The small pages behind a link paint nothing: the paper shows.
  expect(["rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"], `${where}, printed`).toContain(paper.colour);
  expect(paper.beyond, `${where}, printed: pixels beyond the edge`).toBeLessThanOrEqual(0);
}

/** Opens each path and looks at it. */
export async function allWellMade(page: Page, address: string, paths: string[]) {
  for (const path of paths) {
    await page.goto(address + path);
    await wellMade(page);
  }
}
