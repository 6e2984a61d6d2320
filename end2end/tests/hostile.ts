// Puts hostile text wherever a page shows text: names in a real database, and everything else in the state of a demo, written past every
// form and rule, as a row of an older version or of somebody with a shell would be.
import { expect, withWatch, type Demo } from "./demo";
import { NAMES, PAYLOADS } from "./payloads";
import { sql } from "./sql";
import type { Page } from "@playwright/test";

const name = (text: string) => `"${text.replaceAll('"', '""')}"`;
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** Tables and indexes with hostile names and dead rows, so that work is selected on them. */
export function hostileDatabase(demo: Demo) {
  const tables = NAMES.map((text) => `
    CREATE TABLE shop.${name(text)} (id integer, ${name(`col ${text}`.slice(0, 20))} text) WITH (autovacuum_enabled = false);
    INSERT INTO shop.${name(text)} SELECT n, md5(n::text) FROM generate_series(1, 6000) n;
    CREATE INDEX ON shop.${name(text)} (id);
    ANALYZE shop.${name(text)};`);
  const changes = NAMES.map((text) => `DELETE FROM shop.${name(text)} WHERE id % 2 = 0;`);
  sql(demo, "shop", `SET ROLE shop_owner; ${tables.join("\n")}`);
  sql(demo, "shop", `SET ROLE shop_owner; ${changes.join("\n")}`);
  // A critical query that is hostile in its name and its text, and harmless to run.
  sql(demo, "drydock", `INSERT INTO drydock.critical_query (id, target_id, name, sql_text, limit_ms, created_by)
    SELECT gen_random_uuid(), t.id, ${literal("<img src=x onerror=__canary(7)>\u202e")}, ${literal("SELECT '<script>__canary(7)</script>' AS \"</pre><canary-element>\"")}, 5000, t.created_by FROM drydock.target t WHERE t.short_name = 'shop'`);
}

/** Every payload in every kind of row that a page shows. Window `number` has run. */
export function hostileState(demo: Demo, number: number) {
  const guarded = ["vote", "attempt", "window", "run", "fact", "check_item", "plan", "policy_version", "comment", "mention"];
  const open = guarded.map((table) => `ALTER TABLE drydock.${table} DISABLE TRIGGER ALL;`).join("\n");
  sql(demo, "drydock", `${open}
    CREATE TEMP TABLE p AS SELECT n::integer AS n, t FROM jsonb_array_elements_text($payloads$${JSON.stringify(PAYLOADS.map((payload) => payload.text))}$payloads$::jsonb) WITH ORDINALITY AS x (t, n);
    CREATE TEMP TABLE w AS SELECT w.id, w.team_id, w.revision, p.digest, u.id AS run, u.target_id FROM drydock.window w
      JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision JOIN drydock.run u ON u.window_id = w.id WHERE w.number = ${number};
    CREATE TEMP TABLE someone AS SELECT p.n, p.t, gen_random_uuid() AS id FROM p;
    INSERT INTO drydock.person (id, name, email) SELECT id, left(t, 120), 'hostile' || n || '@shop.example' FROM someone;
    INSERT INTO drydock.membership (team_id, person_id, role) SELECT w.team_id, s.id, 'stakeholder' FROM someone s, w WHERE s.n <= 60;
    INSERT INTO drydock.team (id, short_name, name) SELECT gen_random_uuid(), 'hostile-' || n, left(t, 80) FROM p WHERE n % 6 = 0;
    INSERT INTO drydock.vote (id, window_id, digest, person_id, decision, assurance, comment, withdrawn_at, withdrawn_reason)
      SELECT gen_random_uuid(), w.id, w.digest, s.id, 'reject', 'link', s.t, now(), s.t FROM someone s, w;
    INSERT INTO drydock.fact (id, system_identifier, actor_kind, team_id, window_id, action, object_kind, object_id, result, bytes, leaf)
      SELECT 5000000 + b.n, '1', 'system', b.team_id, b.id, 'target.edit', 'target', b.t, 'done', b.bytes, sha256('\\x00'::bytea || b.bytes) FROM (
        SELECT p.n, p.t, w.id, w.team_id, convert_to(jsonb_build_object('version', 1, 'id', 5000000 + p.n, 'at_us', 1, 'system_identifier', '1', 'actor_kind', 'system', 'actor', NULL, 'action', 'target.edit', 'object_kind', 'target',
          'object_id', p.t, 'result', 'done', 'team', w.team_id, 'window', w.id, 'request', p.t, 'payload', jsonb_build_object('note', p.t, 'changed', jsonb_build_object('host', jsonb_build_object('before', p.t, 'after', p.t || '.')))) ::text, 'UTF8') AS bytes
        FROM p, w) b;
    INSERT INTO drydock.fact (id, system_identifier, actor_kind, actor_id, team_id, window_id, action, object_kind, object_id, result, bytes, leaf)
      SELECT 5500000 + b.n, '1', 'person', b.person, b.team_id, b.id, 'comment.write', 'window', b.id::text, 'done', b.bytes, sha256('\\x00'::bytea || b.bytes) FROM (
        SELECT s.n, s.id AS person, w.id, w.team_id, convert_to(jsonb_build_object('version', 1, 'id', 5500000 + s.n, 'at_us', 1, 'system_identifier', '1', 'actor_kind', 'person', 'actor', s.id, 'action', 'comment.write',
          'object_kind', 'window', 'object_id', w.id, 'result', 'done', 'team', w.team_id, 'window', w.id, 'request', 'x', 'payload', '{}'::jsonb)::text, 'UTF8') AS bytes FROM someone s, w) b;
    INSERT INTO drydock.comment (id, window_id, revision, person_id, text, fact_id, fact_at)
      SELECT s.id, w.id, w.revision, s.id, left(s.t, 4000), f.id, f.at FROM someone s, w, drydock.fact f WHERE f.id = 5500000 + s.n;
    INSERT INTO drydock.mention (comment_id, person_id) SELECT a.id, b.id FROM someone a JOIN someone b ON b.n = a.n + 1;
    -- What is exported is older than the export.
    SELECT setval('drydock.fact_id_seq', 6000000);
    INSERT INTO drydock.outbox (id, kind, person_id, window_id, state, message_id, last_error, fact_id, fact_at)
      SELECT s.id, 'approved', s.id, w.id, 'parked', '<x' || s.n || '@x>', s.t, f.id, f.at FROM someone s, w, LATERAL (SELECT f.id, f.at FROM drydock.fact f WHERE f.window_id = w.id LIMIT 1) f;
    INSERT INTO drydock.delivery (outbox_id, number, result, detail) SELECT id, k, 'refused', t FROM someone, generate_series(1, 2) k;
    INSERT INTO drydock.mailbox (outbox_id, recipient, subject, text_body, html_body, raw) SELECT id, 'hostile@shop.example', t, t, '<p>x</p>', '' FROM someone WHERE n % 10 = 0;
    INSERT INTO drydock.run_event (run_id, seq, kind, message) SELECT w.run, 5000000 + p.n, 'notice', p.t FROM p, w;
    UPDATE drydock.attempt a SET notices = (SELECT jsonb_agg(p.t ORDER BY p.n) FROM p), outcome_detail = (SELECT string_agg(p.t, ' ') FROM p) FROM w WHERE a.run_id = w.run AND a.ordinal = 1;
    UPDATE drydock.item i SET outcome_detail = (SELECT string_agg(p.t, ' ') FROM p WHERE p.n % 4 = i.ordinal % 4) FROM w WHERE i.run_id = w.run;
    UPDATE drydock.run u SET hold_reason = (SELECT string_agg(p.t, E'\\n') FROM p), stop_reason = 'x', stop_asked_at = now(), clean = NULL, pre_checks = (SELECT jsonb_agg(jsonb_build_object('title', p.t, 'colour', p.t, 'sentence', p.t)) FROM p) FROM w WHERE u.id = w.run;
    UPDATE drydock.check_item c SET note = left((SELECT string_agg(p.t, E'\\n') FROM p WHERE p.n % 5 = c.ordinal % 5), 4000) FROM w WHERE c.window_id = w.id;
    UPDATE drydock.window x SET state_reason = (SELECT string_agg(p.t, E'\\n') FROM p), issues_met = (SELECT string_agg(p.t, E'\\n') FROM p) FROM w WHERE x.id = w.id;
    UPDATE drydock.revision r SET title = left((SELECT string_agg(p.t, ' ') FROM p WHERE p.n IN (1, 60, 250)), 200) FROM w WHERE r.window_id = w.id;
    UPDATE drydock.critical_query SET active = false;
    INSERT INTO drydock.critical_query (id, target_id, name, sql_text, limit_ms, created_by) SELECT gen_random_uuid(), w.target_id, left(p.t, 120), p.t, 5, s.id FROM p, w, someone s WHERE s.n = 1;
    INSERT INTO drydock.backup_record (id, target_id, taken_at, location, verified_how, recorded_by) SELECT gen_random_uuid(), w.target_id, now() - p.n * interval '1 minute', p.t, p.t, s.id FROM p, w, someone s WHERE s.n = 2;
    UPDATE drydock.target t SET name = left((SELECT p.t FROM p WHERE p.n = 2), 120), on_call = left((SELECT p.t FROM p WHERE p.n = 40), 200), tls_acknowledged_reason = (SELECT string_agg(p.t, ' ') FROM p),
      report = jsonb_set(t.report, '{warnings}', (SELECT jsonb_agg(p.t) FROM p)) FROM w WHERE t.id = w.target_id;
    INSERT INTO drydock.webhook (id, name, origin, url, format, created_by, state, paused_reason) SELECT s.id, left(s.t, 80), 'https://evil.invalid', '\\x00', 'cloudevents', s.id, 'paused', s.t FROM someone s WHERE s.n % 3 = 0;
    INSERT INTO drydock.webhook_event (id, event, window_id, happening, fact_id, fact_at) SELECT s.id, 'approved', w.id, '{}', 5500000 + s.n, f.at FROM someone s, w, drydock.fact f WHERE f.id = 5500000 + s.n;
    INSERT INTO drydock.webhook_delivery (id, webhook_id, event_id, state, last_error) SELECT s.id, (SELECT h.id FROM drydock.webhook h ORDER BY h.id LIMIT 1), s.id, 'parked', s.t FROM someone s;
    INSERT INTO drydock.webhook_try (delivery_id, number, taken, took_ms, detail, excerpt) SELECT s.id, k, false, 7, s.t, s.t FROM someone s, generate_series(1, 2) k;
    UPDATE drydock.policy SET name = left((SELECT p.t FROM p WHERE p.n = 95), 80) WHERE id = (SELECT id FROM drydock.policy ORDER BY id LIMIT 1);
    UPDATE drydock.installation SET name = left((SELECT p.t FROM p WHERE p.n = 200), 80);
    UPDATE drydock.session SET agent = left((SELECT p.t FROM p WHERE p.n = 3), 300);
    INSERT INTO drydock.service_state (job, process, state, detail) SELECT 'anchor', left(p.t, 200), 'x', p.t FROM p WHERE p.n % 20 = 0;`);
}

/** Counts what would be harm: scripts that ran, dialogs, requests to others. Call before the first page. */
export async function watched(page: Page, demo: Demo) {
  const harm: string[] = [];
  withWatch.add(page);
  await page.exposeFunction("__canary", (n: unknown) => { harm.push(`a script ran: ${n}`); });
  page.on("dialog", (dialog) => { harm.push(`a dialog: ${dialog.message()}`); void dialog.dismiss(); });
  page.on("request", (request) => { if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== demo.address) harm.push(`a request: ${request.url()}`); });
  return harm;
}

/** What no text may have become, and what no reader may meet unseen. */
export async function harmless(page: Page, harm: string[]) {
  const where = page.url();
  const found = await page.evaluate(() => {
    const said: string[] = [];
    const alive = "canary-element, [data-canary], iframe:not(.mail), object, embed, base, img, video, audio, math, marquee, frame, template, xmp, plaintext, meta[http-equiv], [style], a[href*='evil'], form[action*='evil'], link[href*='evil'], [formaction], [srcdoc]";
    for (const element of document.querySelectorAll(alive)) said.push(`an element: ${element.outerHTML.slice(0, 120)}`);
    for (const element of document.querySelectorAll("*")) {
      for (const { name, value } of element.attributes) {
        if (name.startsWith("on") || (/^(href|src|action)$/.test(name) && /^\s*(javascript|vbscript|data:text)/i.test(value))) said.push(`an attribute: ${name}=${value.slice(0, 80)}`);
      }
    }
    for (const script of document.querySelectorAll("script")) if (!script.nonce && !script.src.startsWith(location.origin)) said.push(`a script: ${script.outerHTML.slice(0, 120)}`);
    const hides = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff]|[\u{e0000}-\u{e0fff}]/u;
    const texts = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode;
      if (!text.parentElement?.closest("script, style, textarea") && hides.test(text.nodeValue ?? "")) said.push(`hidden in ${text.parentElement?.localName}: ${JSON.stringify(text.nodeValue?.slice(0, 120))}`);
    }
    for (const element of document.querySelectorAll("[title], [aria-label], [placeholder], [alt]")) {
      for (const name of ["title", "aria-label", "placeholder", "alt"]) if (hides.test(element.getAttribute(name) ?? "")) said.push(`hidden in ${name}: ${element.getAttribute(name)?.slice(0, 120)}`);
    }
    return said.slice(0, 10);
  });
  expect(found, where).toEqual([]);
  expect(harm, where).toEqual([]);
}
