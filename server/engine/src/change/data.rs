//! Statements about rows and about the upkeep of tables.

use super::statement::{has_word, locks};
use super::{has, reading, words};
use domain::change::{Length, Lock, Reading};
use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode as _, Stmt};
use std::collections::BTreeSet;

/// Functions that only compute: a query that calls no other changes nothing.
const COMPUTES: &[&str] = &[
    "abs",
    "avg",
    "cast",
    "ceil",
    "coalesce",
    "concat",
    "count",
    "date_trunc",
    "extract",
    "floor",
    "greatest",
    "least",
    "length",
    "lower",
    "max",
    "min",
    "now",
    "nullif",
    "replace",
    "round",
    "sum",
    "to_char",
    "trim",
    "upper",
];

/// Reads what is about rows; `None` for other statements.
pub(super) fn read(stmt: &Stmt, made: &BTreeSet<String>) -> Option<Reading> {
    let node = stmt.syntax();
    let mut found = reading(node);
    match stmt {
        Stmt::Insert(it) => {
            locks(&mut found, made, it.relation_name_ref()?.syntax(), Lock::RowExclusive, Length::Moment);
            query(&mut found, node);
            if has::<ast::OnConflictClause>(node) && has_word(node, "UPDATE") {
                found.destroys = Some("the values of the rows it changes".into());
            }
        }
        Stmt::Update(it) => {
            rows(&mut found, made, it.relation_name()?.relation_name_ref()?.syntax(), "the values of the rows it changes");
            every_row(&mut found, it.where_clause_or_current_of().is_none(), "changes");
            query(&mut found, node);
        }
        Stmt::Delete(it) => {
            rows(&mut found, made, it.relation_name()?.relation_name_ref()?.syntax(), "the rows it deletes");
            every_row(&mut found, it.where_clause_or_current_of().is_none(), "deletes");
            query(&mut found, node);
        }
        Stmt::Merge(it) => {
            rows(&mut found, made, it.table_relation_name()?.table_name_ref()?.syntax(), "the values of the rows it changes");
            query(&mut found, node);
        }
        Stmt::Truncate(it) => {
            for name in it.table_list()?.table_relation_names() {
                locks(&mut found, made, name.table_name_ref()?.syntax(), Lock::AccessExclusive, Length::Moment);
            }
            found.destroys = Some("all rows".into());
        }
        Stmt::Select(_) | Stmt::CompoundSelect(_) | Stmt::ParenSelect(_) | Stmt::Values(_) | Stmt::Table(_) => {
            found.takes(Lock::AccessShare, Length::Moment);
            if has::<ast::LockingClause>(node) {
                found.takes(Lock::RowExclusive, Length::Scan);
            }
            query(&mut found, node);
        }
        Stmt::SelectInto(_) => query(&mut found, node),
        Stmt::Refresh(it) => {
            let concurrently = it.concurrently_token().is_some();
            let lock = if concurrently { Lock::Exclusive } else { Lock::AccessExclusive };
            locks(&mut found, made, it.view_ref()?.syntax(), lock, Length::Rewrite);
            if !concurrently {
                found.remark(
                    "Readers of the view wait until it is computed anew.",
                    "With a unique index on it, REFRESH MATERIALIZED VIEW CONCURRENTLY lets them go on.",
                );
            }
        }
        Stmt::Reindex(_) => {
            let concurrently = has_word(node, "CONCURRENTLY") && !switched_off(node);
            found.alone = concurrently || has_word(node, "SCHEMA") || has_word(node, "DATABASE") || has_word(node, "SYSTEM");
            found.takes(if concurrently { Lock::ShareUpdateExclusive } else { Lock::AccessExclusive }, Length::Scan);
        }
        Stmt::Vacuum(it) => {
            found.alone = true;
            let full = it.full_token().is_some() || it.vacuum_option_list().is_some_and(|list| has_word(list.syntax(), "FULL"));
            if full {
                found.takes(Lock::AccessExclusive, Length::Rewrite);
            } else {
                found.takes(Lock::ShareUpdateExclusive, Length::Scan);
                if !has_word(node, "TRUNCATE") {
                    found.remark(
                        "At its end it may lock the table against reads and writes, to cut off empty pages.",
                        "Write VACUUM (TRUNCATE FALSE).",
                    );
                }
            }
        }
        Stmt::Cluster(_) | Stmt::Repack(_) => {
            found.alone = true;
            found.takes(Lock::AccessExclusive, Length::Rewrite);
        }
        Stmt::Analyze(_) => found.takes(Lock::ShareUpdateExclusive, Length::Scan),
        _ => return None,
    }
    Some(found)
}

/// Whether an option of REINDEX says that it is not to be done concurrently.
fn switched_off(node: &SyntaxNode) -> bool {
    let off = |option: ast::ReindexOptionConcurrently| {
        let typed = words(option.syntax()).to_lowercase();
        ["false", "off", "0"].iter().any(|word| typed.trim_end_matches(['\'', '"']).ends_with(word))
    };
    node.descendants().filter_map(ast::ReindexOptionConcurrently::cast).any(off)
}

fn rows(found: &mut Reading, made: &BTreeSet<String>, name: &SyntaxNode, what: &str) {
    let known = made.contains(&words(name));
    locks(found, made, name, Lock::RowExclusive, Length::Scan);
    if !known {
        found.destroys = Some(what.to_owned());
    }
}

fn every_row(found: &mut Reading, every: bool, does: &str) {
    if every {
        found.remark(format!("It has no WHERE: it {does} every row."), "");
    }
    found.remark(
        "All of it is one transaction: the rows stay locked until it ends, and many rows mean much work for VACUUM.",
        "For many rows, do it in batches.",
    );
}

/// A query may write in its WITH, and calls functions.
pub(super) fn query(found: &mut Reading, node: &SyntaxNode) {
    writing(found, node);
    calls(found, node);
}

fn writing(found: &mut Reading, node: &SyntaxNode) {
    let writes = |with: ast::WithClause| {
        let with = with.syntax();
        has::<ast::Insert>(with) || has::<ast::Update>(with) || has::<ast::Delete>(with) || has::<ast::Merge>(with)
    };
    if node.descendants().filter_map(ast::WithClause::cast).any(writes) {
        found.takes(Lock::RowExclusive, Length::Scan);
        found.destroys = Some("the rows that its WITH changes".into());
    }
}

/// A function in a query can do anything.
fn calls(found: &mut Reading, node: &SyntaxNode) {
    let unknown: BTreeSet<String> = node
        .descendants()
        .filter_map(ast::CallExpr::cast)
        .filter_map(|call| call.expr())
        .map(|name| words(name.syntax()).to_lowercase())
        .filter(|name| !COMPUTES.contains(&name.trim_start_matches("pg_catalog.")))
        .collect();
    if !unknown.is_empty() {
        let shown: Vec<String> = unknown.into_iter().take(3).collect();
        found.opaque = Some(format!("it calls {}", shown.join(", ")));
    }
}
