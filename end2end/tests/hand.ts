// How a person touches a page: with the mouse, or with the keyboard alone. The keyboard only ever does what keys do: it walks by Tab
// from control to control, so a control that cannot be reached, or a trap that is never left, ends the journey.
import { expect, type Locator, type Page } from "@playwright/test";

export interface Hand {
  /** Replaces what a field holds. */
  fill(field: Locator, text: string): Promise<void>;
  /** Follows a link, presses a button, unfolds a part. */
  press(control: Locator): Promise<void>;
  /** Chooses a radio button or ticks a box. */
  check(choice: Locator): Promise<void>;
}

export const mouse: Hand = {
  fill: (field, text) => field.fill(text),
  press: (control) => control.click(),
  check: (choice) => choice.check(),
};

/** More stops than any page has. */
const MOST_STOPS = 600;

export function keyboard(page: Page): Hand {
  const here = (control: Locator) => control.evaluate((node) => node === document.activeElement);
  /** Walks until the control, or for a radio button any of its group, has the focus; and the focus must be seen there. */
  async function reach(control: Locator) {
    await expect(control).toBeVisible();
    const group = await control.evaluate((node) => (node instanceof HTMLInputElement && node.type === "radio" ? node.name : null));
    const arrived = () =>
      control.evaluate((node, name) => {
        const active = document.activeElement;
        if (name === null) return active === node;
        return active instanceof HTMLInputElement && active.type === "radio" && active.name === name && active.form === (node as HTMLInputElement).form;
      }, group);
    for (let stops = 0; !(await arrived()); stops += 1) {
      if (stops > MOST_STOPS) throw new Error(`the keyboard does not reach ${control}`);
      await page.keyboard.press("Tab");
    }
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle);
    expect(outline, `the focus is seen on ${control}`).not.toBe("none");
  }
  return {
    async fill(field, text) {
      await reach(field);
      const kind = await field.evaluate((node) => (node instanceof HTMLInputElement ? node.type : node.localName));
      if (kind === "date") {
        // The parts stand as this browser writes dates: month, day, year.
        const [year, month, day] = text.split("-");
        await page.keyboard.type(`${month}${day}${year}`);
      } else if (kind === "time") {
        const [hour, minute] = text.split(":").map(Number);
        await page.keyboard.type(`${String(hour % 12 || 12).padStart(2, "0")}${String(minute).padStart(2, "0")}${hour < 12 ? "AM" : "PM"}`);
      } else {
        await page.keyboard.press("Control+A");
        await page.keyboard.insertText(text);
      }
      await expect(field).toHaveValue(text);
    },
    async press(control) {
      await reach(control);
      // The same key as page.keyboard would press, but this one waits when a page begins to load.
      await control.press("Enter");
    },
    async check(choice) {
      await reach(choice);
      for (let steps = 0; !(await choice.isChecked()); steps += 1) {
        if (steps > 20) throw new Error(`the keyboard does not choose ${choice}`);
        if (await here(choice)) await page.keyboard.press("Space");
        else await page.keyboard.press("ArrowDown");
      }
    },
  };
}
