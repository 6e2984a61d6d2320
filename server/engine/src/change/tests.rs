use super::*;
use domain::change::{Length, Lock};
use domain::procedure::RiskClass;
use proptest::prelude::*;

fn one(sql: &str) -> Reading {
    let statements = read("change_sql", sql).unwrap_or_else(|errors| panic!("{sql}: {errors:?}"));
    assert_eq!(statements.len(), 1, "{sql}: {statements:?}");
    statements[0].reading.clone()
}

fn refused(sql: &str) -> String {
    let errors = read("change_sql", sql).expect_err(sql);
    assert!(errors.iter().all(|error| error.field == "change_sql"), "{errors:?}");
    errors[0].message.clone()
}

/// Statement, lock, length, and whether PostgreSQL refuses it inside of a transaction.
#[test]
fn locks_are_those_of_the_manual() {
    use Length::{Moment, Rewrite, Scan};
    use Lock::{AccessExclusive, AccessShare, Exclusive, None, RowExclusive, Share, ShareRowExclusive, ShareUpdateExclusive};
    for (sql, lock, length, alone) in [
        ("CREATE TABLE shop.new (id bigint PRIMARY KEY, at timestamptz DEFAULT clock_timestamp())", None, Moment, false),
        ("CREATE TABLE n (id bigint REFERENCES shop.orders)", ShareRowExclusive, Moment, false),
        ("CREATE TABLE p PARTITION OF shop.log FOR VALUES IN (1)", AccessExclusive, Moment, false),
        ("CREATE INDEX ON shop.orders (a)", Share, Scan, false),
        ("CREATE INDEX CONCURRENTLY i ON shop.orders (a)", ShareUpdateExclusive, Scan, true),
        ("DROP INDEX CONCURRENTLY shop.i", ShareUpdateExclusive, Moment, true),
        ("DROP INDEX shop.i", AccessExclusive, Moment, false),
        ("ALTER TABLE shop.orders ADD COLUMN note text", AccessExclusive, Moment, false),
        ("ALTER TABLE shop.orders ADD COLUMN at timestamptz NOT NULL DEFAULT now()", AccessExclusive, Moment, false),
        ("ALTER TABLE shop.orders ADD COLUMN k uuid DEFAULT gen_random_uuid()", AccessExclusive, Rewrite, false),
        ("ALTER TABLE shop.orders ADD COLUMN n bigserial", AccessExclusive, Rewrite, false),
        ("ALTER TABLE shop.orders ADD COLUMN twice int GENERATED ALWAYS AS (n * 2) STORED", AccessExclusive, Rewrite, false),
        ("ALTER TABLE shop.orders ADD CONSTRAINT c CHECK (n > 0)", AccessExclusive, Scan, false),
        ("ALTER TABLE shop.orders ADD CONSTRAINT c CHECK (n > 0) NOT VALID", AccessExclusive, Moment, false),
        ("ALTER TABLE shop.orders VALIDATE CONSTRAINT c", ShareUpdateExclusive, Scan, false),
        ("ALTER TABLE shop.orders ADD CONSTRAINT f FOREIGN KEY (c) REFERENCES shop.customers (id)", ShareRowExclusive, Scan, false),
        (
            "ALTER TABLE shop.orders ADD CONSTRAINT f FOREIGN KEY (c) REFERENCES shop.customers (id) NOT VALID",
            ShareRowExclusive,
            Moment,
            false,
        ),
        ("ALTER TABLE shop.orders ADD PRIMARY KEY (id)", AccessExclusive, Scan, false),
        ("ALTER TABLE shop.orders ADD CONSTRAINT p PRIMARY KEY USING INDEX i", AccessExclusive, Moment, false),
        ("ALTER TABLE shop.orders ADD UNIQUE (a) USING INDEX TABLESPACE fast", AccessExclusive, Scan, false),
        ("ALTER TABLE shop.orders ALTER COLUMN n TYPE bigint", AccessExclusive, Rewrite, false),
        ("ALTER TABLE shop.orders ALTER COLUMN n SET NOT NULL", AccessExclusive, Scan, false),
        ("ALTER TABLE shop.orders ALTER COLUMN n DROP NOT NULL", AccessExclusive, Moment, false),
        ("ALTER TABLE shop.orders ALTER COLUMN n SET STATISTICS 500", ShareUpdateExclusive, Moment, false),
        ("ALTER TABLE shop.orders SET (fillfactor = 80)", ShareUpdateExclusive, Moment, false),
        ("ALTER TABLE shop.orders SET TABLESPACE fast", AccessExclusive, Rewrite, false),
        ("ALTER TABLE shop.log DETACH PARTITION shop.p CONCURRENTLY", ShareUpdateExclusive, Moment, true),
        ("ALTER TABLE shop.orders DISABLE TRIGGER t", ShareRowExclusive, Moment, false),
        ("ALTER TABLE shop.orders RENAME COLUMN a TO b", AccessExclusive, Moment, false),
        ("ALTER TYPE shop.state ADD VALUE 'sent'", None, Moment, false),
        ("INSERT INTO shop.state VALUES (1)", RowExclusive, Moment, false),
        ("UPDATE shop.orders SET a = 1 WHERE b = 2", RowExclusive, Scan, false),
        ("SELECT count(*) FROM shop.orders", AccessShare, Moment, false),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY shop.v", Exclusive, Rewrite, false),
        ("VACUUM FULL shop.orders", AccessExclusive, Rewrite, true),
        ("VACUUM (ANALYZE) shop.orders", ShareUpdateExclusive, Scan, true),
        ("REINDEX INDEX CONCURRENTLY shop.i", ShareUpdateExclusive, Scan, true),
        ("COMMENT ON TABLE shop.orders IS 'all of them'", ShareUpdateExclusive, Moment, false),
        ("GRANT SELECT ON shop.orders TO reader", RowExclusive, Moment, false),
    ] {
        let found = one(sql);
        assert_eq!((found.lock, found.length, found.alone), (lock, length, alone), "{sql}: {found:?}");
    }
}

#[test]
fn what_is_gone_or_cannot_be_told_is_the_worst_class() {
    for sql in [
        "DROP TABLE shop.orders",
        "ALTER TABLE shop.orders DROP COLUMN note",
        "TRUNCATE shop.orders, shop.lines",
        "DELETE FROM shop.orders WHERE id = 1",
        "UPDATE shop.orders SET a = 1",
        "DROP VIEW shop.v CASCADE",
        "ALTER TABLE shop.orders DROP CONSTRAINT c CASCADE",
        "WITH d AS (DELETE FROM shop.orders RETURNING *) INSERT INTO shop.archive SELECT * FROM d",
        "CREATE TABLE a AS WITH d AS (DELETE FROM shop.orders RETURNING *) SELECT * FROM d",
        "UPDATE shop.orders SET a = shop.evil()",
        "DROP SCHEMA shop",
        "WITH gone AS (DELETE FROM shop.orders RETURNING 1) SELECT count(*) FROM gone",
        "DO $$ BEGIN PERFORM 1; END $$",
        "CALL shop.rebuild()",
        "SELECT pg_terminate_backend(1)",
        "CREATE EXTENSION postgis",
    ] {
        assert_eq!(one(sql).risk(), RiskClass::R4, "{sql}");
    }
    for (sql, risk) in [
        ("CREATE INDEX CONCURRENTLY i ON shop.orders (a)", RiskClass::R1),
        ("ALTER TABLE shop.orders ADD COLUMN note text", RiskClass::R2),
        ("SELECT id FROM shop.orders FOR UPDATE", RiskClass::R2),
        ("ALTER TABLE shop.orders ADD FOREIGN KEY (c) REFERENCES shop.customers ON DELETE CASCADE NOT VALID", RiskClass::R2),
        ("CREATE INDEX i ON shop.orders (a)", RiskClass::R3),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", RiskClass::R1),
        ("REINDEX INDEX CONCURRENTLY shop.i", RiskClass::R1),
        ("REINDEX (CONCURRENTLY) TABLE shop.orders", RiskClass::R1),
        ("REINDEX (CONCURRENTLY false) TABLE shop.orders", RiskClass::R3),
        ("ALTER TYPE shop.address ADD ATTRIBUTE town text", RiskClass::R3),
        ("ALTER TYPE shop.address DROP ATTRIBUTE town", RiskClass::R4),
    ] {
        assert_eq!(one(sql).risk(), risk, "{sql}");
    }
}

#[test]
fn what_is_new_is_nobodys_to_wait_for() {
    let statements = read(
        "change_sql",
        "CREATE TABLE shop.new (id bigint); CREATE INDEX i ON shop.new (id); ALTER TABLE shop.new ADD COLUMN a int; UPDATE shop.new SET a = 1 WHERE id = 1;",
    )
    .expect("readable");
    assert!(statements.iter().all(|one| one.reading.risk() == RiskClass::R1), "{statements:?}");
    let foreign =
        read("change_sql", "CREATE TABLE n (id bigint); ALTER TABLE n ADD FOREIGN KEY (id) REFERENCES shop.orders").expect("readable");
    assert_eq!(
        (foreign[1].reading.lock, foreign[1].reading.on.as_slice()),
        (Lock::ShareRowExclusive, ["shop.orders".to_owned()].as_slice())
    );
}

#[test]
fn statements_are_parted_as_the_server_parts_them() {
    let text = "-- first\nALTER TABLE a ADD b text DEFAULT 'x;y';\n\n;CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $body$ BEGIN RETURN 1; END $body$;\nCOMMENT ON TABLE a IS $$;$$";
    let texts: Vec<String> = read("change_sql", text).expect("readable").into_iter().map(|one| one.text).collect();
    assert_eq!(
        texts,
        [
            "ALTER TABLE a ADD b text DEFAULT 'x;y'",
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $body$ BEGIN RETURN 1; END $body$",
            "COMMENT ON TABLE a IS $$;$$",
        ]
    );
}

/// What may be somebody else's is never taken for new.
#[test]
fn what_may_be_somebody_elses_is_waited_for() {
    for (sql, risk) in [
        ("CREATE TABLE IF NOT EXISTS shop.orders (id int); DELETE FROM shop.orders", RiskClass::R4),
        ("CREATE TABLE s.x (id int); ALTER TABLE s.x RENAME TO y; ALTER TABLE s.orders RENAME TO x; DELETE FROM s.x", RiskClass::R4),
        ("CREATE TABLE x (id int); SET LOCAL search_path = shop; DELETE FROM x", RiskClass::R4),
        ("CREATE TABLE x (id int); CREATE INDEX CONCURRENTLY i ON s.x (id); DELETE FROM x", RiskClass::R4),
        ("CREATE TABLE p (id int) PARTITION BY LIST (id); ALTER TABLE p ATTACH PARTITION shop.orders FOR VALUES IN (1)", RiskClass::R3),
    ] {
        let statements = read("change_sql", sql).unwrap_or_else(|errors| panic!("{sql}: {errors:?}"));
        assert_eq!(statements.last().map(|one| one.reading.risk()), Some(risk), "{sql}: {statements:?}");
    }
}

#[test]
fn what_has_no_place_in_a_change_says_why() {
    for (sql, word) in [
        ("BEGIN", "transactions"),
        ("COMMIT", "transactions"),
        ("SET lock_timeout = 0", "time limits"),
        ("SET LOCAL statement_timeout = 0", "time limits"),
        ("SET search_path = shop", "SET LOCAL"),
        ("SET LOCAL \"role\" = 'boss'", "role"),
        ("SET LOCAL standard_conforming_strings = off", "search_path"),
        ("SET LOCAL application_name = 'another'", "search_path"),
        ("SET ROLE boss", "role"),
        ("LOCK TABLE shop.orders", "lock"),
        ("CREATE ROLE r LOGIN PASSWORD 'secret'", "Passwords"),
        ("GRANT readers TO app", "procedure of their own"),
        ("ALTER USER r PASSWORD 'secret'", "Passwords"),
        ("ALTER SYSTEM SET work_mem = '1GB'", "server"),
        ("DROP DATABASE shop", "server"),
        ("COPY shop.orders FROM STDIN", "INSERT"),
        ("COPY shop.orders TO PROGRAM 'sh'", "INSERT"),
        ("CREATE TEMP TABLE t (a int)", "temporary"),
        ("CREATE INDEX CONCURRENTLY ON shop.orders (a)", "name"),
        ("CREATE INDEX CONCURRENTLY i ON orders (a)", "schema"),
        ("DROP INDEX CONCURRENTLY i", "schema"),
    ] {
        let message = refused(sql);
        assert!(message.contains(word) && message.starts_with("Statement 1 ("), "{sql}: {message}");
    }
    let secret = refused("CREATE ROLE r LOGIN PASSWORD 'hunter2'");
    assert!(!secret.contains("hunter2"), "{secret}");
}

#[test]
fn unreadable_text_names_its_place() {
    let message = refused("ALTER TABLE a ADD b text;\nALTER TALBE a ADD c text;");
    assert!(message.starts_with("Line 2, column "), "{message}");
    for sql in ["SELEC 1", "\\d orders", "CREATE TABLE t (", "'", "$$", "ALTER TABLE a ADD b text DEFAULT 'x"] {
        assert!(read("change_sql", sql).is_err(), "{sql}");
    }
    assert_eq!(read("change_sql", " ;; -- nothing\n").expect("nothing is not unreadable"), vec![]);
}

#[test]
fn the_linter_speaks_beside_the_statement() {
    let statements = read("change_sql", "CREATE TABLE t (a bigint); ALTER TABLE shop.orders ADD COLUMN n int NOT NULL;").expect("readable");
    let said: Vec<_> = statements[1].reading.remarks.iter().map(|remark| remark.sentence.as_str()).collect();
    assert!(!said.is_empty() && said.iter().all(|sentence| sentence.ends_with('.')), "{statements:?}");
}

#[test]
fn a_form_becomes_a_change() {
    let form = ChangeForm {
        change_sql: "ALTER TABLE shop.orders ADD COLUMN note text; CREATE INDEX CONCURRENTLY orders_note ON shop.orders (note)".into(),
        back_sql: "ALTER TABLE shop.orders DROP COLUMN note".into(),
        ..ChangeForm::default()
    };
    let change = read_form(&form).expect("good");
    assert_eq!(change.risk(), RiskClass::R2);
    let scripts = change.scripts();
    assert_eq!((scripts.len(), scripts[1].index.as_ref().map(|index| index.name.as_str())), (2, Some("shop.orders_note")));
    let bad = ChangeForm { change_sql: "BEGIN".into(), back_sql: "nonsense".into(), ..ChangeForm::default() };
    let fields: Vec<_> = read_form(&bad).expect_err("both").into_iter().map(|error| error.field).collect();
    assert_eq!(fields, ["change_sql", "back_sql"]);
    let neither = ChangeForm { change_sql: "BEGIN".into(), ..ChangeForm::default() };
    let fields: Vec<_> = read_form(&neither).expect_err("both").into_iter().map(|error| error.field).collect();
    assert_eq!(fields, ["back_sql", "change_sql"], "what is missing hides nothing of what is there");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn hostile_text_never_panics(text in "(ALTER|TABLE|CREATE|;|\\$\\$|'|\"|--|/\\*|[ -~]|\u{0}|é|\n){0,40}") {
        let _ = read("change_sql", &text);
    }

    /// Whatever is between quotes is part of its statement: it begins no other.
    #[test]
    fn quoted_text_begins_no_statement(inside in "[a-z;'\" \n]{0,30}") {
        let sql = format!("COMMENT ON TABLE t IS '{}'; COMMENT ON TABLE \"{}x\" IS NULL", inside.replace('\'', "''"), inside.replace('"', "\"\""));
        prop_assert_eq!(read("change_sql", &sql).expect("readable").len(), 2);
    }
}
