//! ALTER TABLE, action by action: the strongest lock of all of them, for the longest time.

use super::statement::{has_word, locks};
use super::{has, reading, words};
use domain::change::{Length, Lock, Reading};
use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AlterColumnOption as Column, AlterTableAction as Action, AstNode as _, Constraint};
use std::collections::BTreeSet;

/// Functions whose value is the same for the whole statement: as a default they need no new rows.
const STABLE: &[&str] = &[
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "localtime",
    "localtimestamp",
    "transaction_timestamp",
    "statement_timestamp",
    "current_user",
    "session_user",
    "current_setting",
];

/// Reads an ALTER TABLE.
pub(super) fn read(stmt: &ast::AlterTable, made: &BTreeSet<String>) -> Reading {
    let mut found = reading(stmt.syntax());
    let name = stmt.table_relation_name().and_then(|name| name.table_name_ref()).map(|name| words(name.syntax()));
    if stmt.all_in_tablespace().is_some() {
        found.takes(Lock::AccessExclusive, Length::Rewrite);
        found.remark("Every table of the tablespace is written anew.", "Name the tables, one statement each.");
    }
    for action in stmt.actions() {
        act(&mut found, &action, made);
    }
    if name.as_ref().is_some_and(|name| made.contains(name)) {
        // Nobody else uses it yet: what counts is what else it names.
        (found.lock, found.length) = (Lock::None, Length::Moment);
        for referenced in references(stmt.syntax()) {
            locks(&mut found, made, &referenced, Lock::ShareRowExclusive, Length::Moment);
        }
        for action in stmt.actions() {
            let (other, lock, length) = match action {
                Action::AttachPartition(it) => (it.table_name_ref(), Lock::AccessExclusive, Length::Scan),
                Action::InheritTable(it) => (it.table_name_ref(), Lock::ShareUpdateExclusive, Length::Moment),
                _ => continue,
            };
            if let Some(other) = other {
                locks(&mut found, made, other.syntax(), lock, length);
            }
        }
    } else {
        found.on.splice(0..0, name);
    }
    found.on.dedup();
    found
}

/// The tables that foreign keys below this node point to.
pub(super) fn references(node: &SyntaxNode) -> Vec<SyntaxNode> {
    node.descendants()
        .filter_map(|below| {
            let to = ast::ForeignKeyConstraint::cast(below.clone()).and_then(|key| key.table_name_ref());
            to.or_else(|| ast::ReferencesConstraint::cast(below).and_then(|key| key.table())).map(|name| name.syntax().clone())
        })
        .collect()
}

fn act(found: &mut Reading, action: &Action, made: &BTreeSet<String>) {
    use Length::{Moment, Rewrite, Scan};
    use Lock::{AccessExclusive, ShareRowExclusive, ShareUpdateExclusive};
    match action {
        Action::AddColumn(it) => add_column(found, it, made),
        Action::AddConstraint(it) => match it.constraint() {
            Some(constraint) => add_constraint(found, &constraint, made),
            None => found.takes(AccessExclusive, Scan),
        },
        Action::AlterColumn(it) => alter_column(found, it.option().as_ref()),
        Action::DropColumn(_) => {
            found.takes(AccessExclusive, Moment);
            found.destroys = Some("the column with all its values".into());
        }
        Action::ValidateConstraint(_) => found.takes(ShareUpdateExclusive, Scan),
        Action::AttachPartition(it) => {
            found.takes(ShareUpdateExclusive, Moment);
            if let Some(name) = it.table_name_ref() {
                locks(found, made, name.syntax(), AccessExclusive, Scan);
            }
            found.remark(
                "The new partition is read from end to end, unless a valid CHECK constraint says already what it holds.",
                "Add that constraint NOT VALID and validate it before.",
            );
        }
        Action::DetachPartition(it) => match it.detach_partition_option() {
            Some(_) => {
                found.alone = true;
                found.takes(ShareUpdateExclusive, Moment);
            }
            None => found.takes(AccessExclusive, Moment),
        },
        Action::ClusterOn(_)
        | Action::SetWithoutCluster(_)
        | Action::SetOptions(_)
        | Action::ResetOptions(_)
        | Action::AlterOptionList(_)
        | Action::OptionItemList(_) => found.takes(ShareUpdateExclusive, Moment),
        Action::EnableTrigger(_) | Action::DisableTrigger(_) | Action::EnableAlwaysTrigger(_) | Action::EnableReplicaTrigger(_) => {
            found.takes(ShareRowExclusive, Moment);
        }
        Action::SetTablespace(_)
        | Action::SetAccessMethod(_)
        | Action::SetLogged(_)
        | Action::SetUnlogged(_)
        | Action::SplitPartition(_)
        | Action::MergePartitions(_) => {
            found.takes(AccessExclusive, Rewrite);
        }
        Action::RenameColumn(_) | Action::TableRenameTo(_) | Action::SetSchema(_) => {
            found.takes(AccessExclusive, Moment);
            found.remark(
                "Programs that use the old name fail from this moment on.",
                "Let the programs use the new name first, for example by a view.",
            );
        }
        Action::DisableRls(_) | Action::NoForceRls(_) => {
            found.takes(AccessExclusive, Moment);
            found.remark("Rows that policies hid are seen from this moment on.", "");
        }
        _ => found.takes(AccessExclusive, Moment),
    }
}

fn add_column(found: &mut Reading, column: &ast::AddColumn, made: &BTreeSet<String>) {
    found.takes(Lock::AccessExclusive, Length::Moment);
    if column.ty().is_some_and(|ty| words(ty.syntax()).to_lowercase().contains("serial")) {
        found.takes(Lock::AccessExclusive, Length::Rewrite);
    }
    for constraint in column.constraints() {
        match &constraint {
            Constraint::DefaultConstraint(it) if it.expr().is_some_and(|expr| volatile(expr.syntax())) => {
                found.takes(Lock::AccessExclusive, Length::Rewrite);
                found.remark(
                    "The default differs from row to row, or may: every row is written anew.",
                    "Add the column without a default, set the default by a statement of its own, and fill the rows in batches.",
                );
            }
            Constraint::GeneratedConstraint(_) => found.takes(Lock::AccessExclusive, Length::Rewrite),
            Constraint::DefaultConstraint(_) | Constraint::NotNullConstraint(_) | Constraint::NullConstraint(_) => {}
            other => add_constraint(found, other, made),
        }
    }
}

/// Whether a default may give another value for each row: a function that is not known to be stable is taken for volatile.
fn volatile(expr: &SyntaxNode) -> bool {
    expr.descendants().filter_map(ast::CallExpr::cast).any(|call| {
        let name = call.expr().map(|name| words(name.syntax()).to_lowercase()).unwrap_or_default();
        !STABLE.contains(&name.trim_start_matches("pg_catalog."))
    })
}

fn add_constraint(found: &mut Reading, constraint: &Constraint, made: &BTreeSet<String>) {
    let node = constraint.syntax();
    let length = if has::<ast::NotValid>(node) || has::<ast::NotEnforced>(node) { Length::Moment } else { Length::Scan };
    match constraint {
        Constraint::ForeignKeyConstraint(_) | Constraint::ReferencesConstraint(_) => {
            found.takes(Lock::ShareRowExclusive, length);
            for referenced in references(node) {
                locks(found, made, &referenced, Lock::ShareRowExclusive, length);
            }
        }
        Constraint::PrimaryKeyConstraint(_) | Constraint::UniqueConstraint(_) => {
            let prepared =
                has::<ast::UsingIndexName>(node) || (has_word(node, "USING") && has_word(node, "INDEX") && !has_word(node, "TABLESPACE"));
            found.takes(Lock::AccessExclusive, if prepared { Length::Moment } else { Length::Scan });
        }
        Constraint::CheckConstraint(_) | Constraint::NotNullConstraint(_) => found.takes(Lock::AccessExclusive, length),
        Constraint::DefaultConstraint(_) | Constraint::NullConstraint(_) => found.takes(Lock::AccessExclusive, Length::Moment),
        Constraint::ExcludeConstraint(_) | Constraint::GeneratedConstraint(_) => found.takes(Lock::AccessExclusive, Length::Scan),
    }
}

fn alter_column(found: &mut Reading, option: Option<&Column>) {
    let full = Lock::AccessExclusive;
    match option {
        Some(Column::SetType(_)) => {
            found.takes(full, Length::Rewrite);
            found.remark("Another type may mean that the table and its indexes are written anew; only some are changed in the catalog alone, such as a longer varchar.", "Add a column of the new type, fill it in batches, and let the programs change over.");
        }
        Some(Column::SetNotNull(_)) => {
            found.takes(full, Length::Scan);
            found.remark(
                "The table is read from end to end, unless a valid CHECK (column IS NOT NULL) says so already.",
                "Add that constraint NOT VALID and validate it before.",
            );
        }
        Some(Column::SetExpression(_)) => found.takes(full, Length::Rewrite),
        Some(Column::SetStatistics(_) | Column::SetOptions(_) | Column::ResetOptions(_) | Column::SetOptionsList(_)) => {
            found.takes(Lock::ShareUpdateExclusive, Length::Moment);
        }
        Some(_) => found.takes(full, Length::Moment),
        None => found.takes(full, Length::Rewrite),
    }
}
