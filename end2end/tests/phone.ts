// The app on somebody's phone that shows codes by time (RFC 6238).
import { expect, type Page } from "@playwright/test";
import { createHmac } from "node:crypto";

export function phone() {
  let secret = "";
  let step = 0;
  /** The code of a step of 30 seconds. */
  function codeOf(step: number): string {
    const bits = [...secret].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
    const key = Buffer.from(bits.match(/.{8}/g)!.map((byte) => parseInt(byte, 2)));
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(step));
    const mac = createHmac("sha1", key).update(counter).digest();
    const at = mac[19]! & 15;
    return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
  }
  return {
    /** Opens the address that the page of a second factor shows while it is set up. */
    async learn(page: Page) {
      const address = await page.getByRole("link", { name: "Open my app" }).getAttribute("href");
      secret = /secret=([A-Z2-7]+)/.exec(address!)![1]!;
      expect(secret).toHaveLength(32);
    },
    /** A code that was not used: of now, or of the step after it, which is taken from a clock that is a little fast. */
    async fresh(): Promise<string> {
      const now = () => Math.floor(Date.now() / 30_000);
      await expect.poll(now, { timeout: 60_000 }).toBeGreaterThanOrEqual(step);
      step = Math.max(now(), step + 1);
      return codeOf(step);
    },
    /** The code that was given last, which no sign-in takes twice. */
    used: () => codeOf(step),
  };
}
