//! A thousand small tables, a few large ones, and bloated indexes; and the same defects again before every turn.

use crate::target_support::Target;

/// Small tables of a few pages.
pub const SMALL: u32 = 1_000;
/// Large ones beside them.
const LARGE: u32 = 3;
const LARGE_ROWS: u32 = 400_000;
/// Tables of which both indexes are to be rebuilt: a few large ones among them.
pub const BLOATED: u32 = 24;

/// Of the first `small` small tables, and of the large ones.
pub fn names(small: u32) -> Vec<String> {
    (0..small).map(|n| format!("shop.s{n}")).chain((0..LARGE).map(|n| format!("shop.l{n}"))).collect()
}

/// Makes them all.
pub async fn tables(target: &Target) {
    for from in (0..SMALL).step_by(100) {
        let made: String = (from..from + 100)
            .map(|n| {
                format!(
                    "CREATE TABLE shop.s{n} (id int PRIMARY KEY, note text, n int) WITH (autovacuum_enabled = off);
                     INSERT INTO shop.s{n} SELECT n, md5(n::text), n % 7 FROM generate_series(1, 300) n;"
                )
            })
            .collect();
        target.plant_as_owner(&made).await;
    }
    for n in 0..LARGE {
        target
            .plant_as_owner(&format!(
                "CREATE TABLE shop.l{n} (id int PRIMARY KEY, note text, n int) WITH (autovacuum_enabled = off, fillfactor = 60);
                 INSERT INTO shop.l{n} SELECT n, md5(n::text), n % 1000 FROM generate_series(1, {LARGE_ROWS}) n"
            ))
            .await;
    }
    target.plant("CREATE SCHEMA books AUTHORIZATION shop_owner").await;
    for n in 0..BLOATED {
        target
            .plant_as_owner(&format!(
                "CREATE TABLE books.b{n} (id int PRIMARY KEY, note text) WITH (autovacuum_enabled = off);
                 CREATE INDEX b{n}_note ON books.b{n} (note)"
            ))
            .await;
    }
    target.plant("VACUUM (ANALYZE)").await;
}

/// Every row of the first `small` small tables and of a tenth of the large ones is changed once.
pub async fn spoil(target: &Target, small: u32) {
    let sql: String = (0..small).map(|n| format!("UPDATE shop.s{n} SET n = n + 1;")).collect();
    target.plant("VACUUM (ANALYZE)").await;
    target.plant_as_owner(&sql).await;
    for n in 0..LARGE {
        target.plant_as_owner(&format!("UPDATE shop.l{n} SET n = n + 1 WHERE id % 10 = 0")).await;
    }
    target.plant("CHECKPOINT").await;
}

/// Four of five rows are gone again, and their places in the indexes empty.
pub async fn bloat(target: &Target) {
    for n in 0..BLOATED {
        let rows = if n < 3 { 300_000 } else { 20_000 };
        target
            .plant_as_owner(&format!(
                "TRUNCATE books.b{n};
                 INSERT INTO books.b{n} SELECT n, md5(n::text) FROM generate_series(1, {rows}) n;
                 DELETE FROM books.b{n} WHERE id % 5 <> 0"
            ))
            .await;
        target.plant(&format!("VACUUM (ANALYZE) books.b{n}")).await;
    }
    target.plant("CHECKPOINT").await;
}
