//! What each kind of statement does. Locks as in "Explicit Locking" and on the page of each command in the manual of PostgreSQL 13 to 18;
//! where versions differ, the stronger.

use super::{data, has, reading, table, words};
use domain::change::{Length, Lock, Reading};
use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode, Stmt};
use std::collections::BTreeSet;

/// What is read, or why the statement has no place in a change.
pub(super) type Read = Result<Reading, &'static str>;

const TRANSACTION: &str = "the plan makes the transactions: statements that can share one do. Leave it out.";
const ROLE: &str = "name the role in its field: every part of the change is sent as it. Leave this out.";
const SESSION: &str = "every part of a change has a session of its own, so this would have no effect on what follows. Leave it out.";
const ACCOUNT: &str = "roles have a procedure of their own: choose “change of accounts (PostgreSQL)”. Passwords do not belong into a text that many people read.";
const SERVER: &str = "it concerns the whole server, not this database. It needs a procedure of its own.";
const OF_SERVER: &str = "settings of the whole server have a procedure of their own: choose “change of settings (PostgreSQL)”.";
const FILE: &str = "it moves rows between the server and a file or the client. Load data apart, or write INSERT.";
const NO_SCHEMA: &str = "write the name with its schema, such as shop.orders: after an interruption the index is looked for there.";
const SETTING: &str = "only settings that design changes need can be set, such as search_path or maintenance_work_mem. Leave it out.";
const LIMITS: &str = "the time limits are set by the plan. Leave it out.";

/// Reads one statement; `made` are the relations that earlier statements of the same text make, which nobody else uses yet.
pub(super) fn read(stmt: &Stmt, made: &BTreeSet<String>) -> Read {
    refuse(stmt)?;
    let node = stmt.syntax();
    let mut found = if let Some(made) = create(stmt, made) {
        made?
    } else if let Some(dropped) = drop(stmt) {
        dropped?
    } else if let Some(altered) = alter(stmt, made) {
        altered
    } else if let Some(data) = data::read(stmt, made) {
        data
    } else {
        other(stmt)
    };
    if has::<ast::Cascade>(node) && drops(node, &found.command) {
        found.destroys = Some("everything that depends on it, by CASCADE".into());
        found.remark(
            "CASCADE also drops what depends on it, and nobody sees here what that is.",
            "Name each object, and drop it by a statement of its own.",
        );
    }
    Ok(found)
}

/// Whether CASCADE in it takes away what depends on something: the command drops, or one of its actions does. In a foreign key it is about rows.
fn drops(node: &SyntaxNode, command: &str) -> bool {
    command.starts_with("DROP") || (command.starts_with("ALTER") && has_word(node, "DROP"))
}

/// The relation a statement makes, as written; one that may be there already is somebody else's.
pub(super) fn makes(stmt: &Stmt) -> Option<String> {
    let name = match stmt {
        _ if may_exist(stmt) => return None,
        Stmt::CreateTable(it) => it.table_name()?.syntax().clone(),
        Stmt::CreateTableAs(it) => it.table_name()?.syntax().clone(),
        Stmt::CreateMaterializedView(it) => it.syntax().children().find(|child| ast::View::can_cast(child.kind()))?,
        _ => return None,
    };
    Some(words(&name))
}

/// Whether it says IF NOT EXISTS itself.
fn may_exist(stmt: &Stmt) -> bool {
    stmt.syntax().children().any(|child| ast::IfNotExists::can_cast(child.kind()))
}

/// What has no place in a change.
fn refuse(stmt: &Stmt) -> Result<(), &'static str> {
    match stmt {
        Stmt::Begin(_)
        | Stmt::Commit(_)
        | Stmt::Rollback(_)
        | Stmt::SavepointCreate(_)
        | Stmt::ReleaseSavepoint(_)
        | Stmt::PrepareTransaction(_)
        | Stmt::SetTransaction(_) => Err(TRANSACTION),
        Stmt::Set(it) => match it.set_scope() {
            Some(ast::SetScope::LocalScope(_)) => may_set(it),
            _ => may_set(it).and(Err("write SET LOCAL: the setting ends with its transaction then, and cannot reach other work.")),
        },
        Stmt::Reset(_)
        | Stmt::Discard(_)
        | Stmt::Listen(_)
        | Stmt::Unlisten(_)
        | Stmt::Notify(_)
        | Stmt::Prepare(_)
        | Stmt::Execute(_)
        | Stmt::Deallocate(_)
        | Stmt::Declare(_)
        | Stmt::Fetch(_)
        | Stmt::Move(_)
        | Stmt::Close(_)
        | Stmt::Load(_)
        | Stmt::Show(_)
        | Stmt::Explain(_) => Err(SESSION),
        Stmt::ResetRole(_) | Stmt::ResetSessionAuth(_) | Stmt::SetRole(_) | Stmt::SetSessionAuth(_) => Err(ROLE),
        Stmt::Lock(_) => Err("each statement takes the lock it needs, with a limit on the wait. Leave it out."),
        Stmt::CreateRole(_)
        | Stmt::CreateUser(_)
        | Stmt::CreateGroup(_)
        | Stmt::AlterRole(_)
        | Stmt::AlterUser(_)
        | Stmt::AlterGroup(_)
        | Stmt::DropRole(_)
        | Stmt::DropUser(_)
        | Stmt::DropGroup(_)
        | Stmt::CreateUserMapping(_)
        | Stmt::AlterUserMapping(_)
        | Stmt::CreateSubscription(_)
        | Stmt::AlterSubscription(_)
        | Stmt::CreateServer(_)
        | Stmt::AlterServer(_) => Err(ACCOUNT),
        // Without ON it is about membership in a role.
        Stmt::Grant(it) if it.on_privilege_objects_clause().is_none() => Err(ACCOUNT),
        Stmt::Revoke(it) if it.on_privilege_objects_clause().is_none() => Err(ACCOUNT),
        Stmt::AlterSystem(_) => Err(OF_SERVER),
        Stmt::CreateDatabase(_)
        | Stmt::DropDatabase(_)
        | Stmt::AlterDatabase(_)
        | Stmt::CreateTablespace(_)
        | Stmt::AlterTablespace(_)
        | Stmt::DropTablespace(_)
        | Stmt::Checkpoint(_)
        | Stmt::DropOwned(_)
        | Stmt::Reassign(_)
        | Stmt::DropSubscription(_) => Err(SERVER),
        Stmt::Copy(_) => Err(FILE),
        _ => Ok(()),
    }
}

/// What a SET LOCAL may set: what design changes need. Anything else could end a guard, hide the session, or have later text read in another way.
const SETTINGS: &[&str] = &[
    "check_function_bodies",
    "client_min_messages",
    "constraint_exclusion",
    "datestyle",
    "default_table_access_method",
    "default_tablespace",
    "default_toast_compression",
    "intervalstyle",
    "maintenance_work_mem",
    "max_parallel_maintenance_workers",
    "search_path",
    "temp_tablespaces",
    "timezone",
    "work_mem",
];

/// Whether a SET is about one of [`SETTINGS`], or about a setting of the user's own, which has a point in its name.
fn may_set(set: &ast::Set) -> Result<(), &'static str> {
    let name = match set.set_target() {
        Some(ast::SetTarget::SetTimeZone(_) | ast::SetTarget::SetSchemaValue(_) | ast::SetTarget::SetXmlOption(_)) => return Ok(()),
        Some(ast::SetTarget::SetConfig(config)) => config.config_parameter_ref().map(|name| words(name.syntax())).unwrap_or_default(),
        _ => String::new(),
    };
    let name = name.replace('"', "").to_lowercase();
    if SETTINGS.contains(&name.as_str()) || name.contains('.') {
        Ok(())
    } else if name.contains("timeout") {
        Err(LIMITS)
    } else if ["role", "session_authorization"].contains(&name.as_str()) {
        Err(ROLE)
    } else {
        Err(SETTING)
    }
}

/// Whether later statements may mean something else by the names that were made until now, or others may use what was made.
pub(super) fn forgets(stmt: &Stmt, reading: &Reading) -> bool {
    let node = stmt.syntax();
    let renames = has_word(node, "RENAME") || has::<ast::SetSchema>(node);
    matches!(stmt, Stmt::Set(_)) || renames || reading.alone || reading.opaque.is_some() || reading.command.starts_with("DROP")
}

/// Makes something new: what exists is hardly touched.
fn create(stmt: &Stmt, made: &BTreeSet<String>) -> Option<Read> {
    let node = stmt.syntax();
    let mut found = reading(node);
    match stmt {
        Stmt::CreateTable(it) => {
            if matches!(it.persistence(), Some(ast::Persistence::Temp(_))) {
                return Some(Err("a temporary table is gone with the session of its transaction. Make an ordinary one, or leave it out."));
            }
            if let Some(parent) = it.partition_of().and_then(|of| of.table_name_ref()) {
                locks(&mut found, made, parent.syntax(), Lock::AccessExclusive, Length::Moment);
                found.remark(
                    "Making a partition locks its parent against reads and writes.",
                    "Make a table, then ATTACH PARTITION: that lets reads and writes go on.",
                );
            }
            for parent in it.inherits().into_iter().flat_map(|inherits| inherits.table_name_refs()) {
                locks(&mut found, made, parent.syntax(), Lock::ShareUpdateExclusive, Length::Moment);
            }
            for referenced in table::references(node) {
                locks(&mut found, made, &referenced, Lock::ShareRowExclusive, Length::Moment);
            }
        }
        Stmt::CreateIndex(it) => {
            let on = it.table_relation_name()?.table_name_ref()?;
            if it.concurrently_token().is_some() {
                found.alone = true;
                locks(&mut found, &BTreeSet::new(), on.syntax(), Lock::ShareUpdateExclusive, Length::Scan);
                let schema = on.path_ref().and_then(|path| path.qualifier());
                match (it.index().and_then(|index| index.path()), schema) {
                    // An index lives in the schema of its table.
                    (Some(name), Some(schema)) => found.index = Some(format!("{}.{}", words(schema.syntax()), words(name.syntax()))),
                    (Some(_), None) => return Some(Err(NO_SCHEMA)),
                    (None, _) => return Some(Err("give the index a name: after an interruption it is looked for by it.")),
                }
            } else {
                locks(&mut found, made, on.syntax(), Lock::Share, Length::Scan);
            }
        }
        Stmt::CreateTrigger(_) => found.takes(Lock::ShareRowExclusive, Length::Moment),
        Stmt::CreateRule(_) | Stmt::CreatePolicy(_) => found.takes(Lock::AccessExclusive, Length::Moment),
        Stmt::CreateView(_) if has_word(node, "REPLACE") => found.takes(Lock::AccessExclusive, Length::Moment),
        Stmt::CreateStatistics(_) | Stmt::CreatePublication(_) => found.takes(Lock::ShareUpdateExclusive, Length::Moment),
        Stmt::CreateTableAs(_) | Stmt::CreateMaterializedView(_) => {
            data::query(&mut found, node);
            found.remark("It writes as much as its query gives.", "");
        }
        Stmt::CreateExtension(_) => found.opaque = Some("an extension brings a script of its own".into()),
        Stmt::CreateEventTrigger(_) => found.opaque = Some("it acts on every later change of design".into()),
        Stmt::ImportForeignSchema(_) => found.opaque = Some("another server says what is made".into()),
        Stmt::CreateSchema(_)
        | Stmt::CreateSequence(_)
        | Stmt::CreateType(_)
        | Stmt::CreateDomain(_)
        | Stmt::CreateFunction(_)
        | Stmt::CreateProcedure(_)
        | Stmt::CreateAggregate(_)
        | Stmt::CreateCast(_)
        | Stmt::CreateCollation(_)
        | Stmt::CreateConversion(_)
        | Stmt::CreateForeignDataWrapper(_)
        | Stmt::CreateForeignTable(_)
        | Stmt::CreateLanguage(_)
        | Stmt::CreateOperator(_)
        | Stmt::CreateOperatorClass(_)
        | Stmt::CreateOperatorFamily(_)
        | Stmt::CreateAccessMethod(_)
        | Stmt::CreateTextSearchConfiguration(_)
        | Stmt::CreateTextSearchDictionary(_)
        | Stmt::CreateTextSearchParser(_)
        | Stmt::CreateTextSearchTemplate(_)
        | Stmt::CreateTransform(_)
        | Stmt::CreateView(_) => {}
        _ => return None,
    }
    Some(Ok(found))
}

/// Takes something away: some of it only a backup brings back.
fn drop(stmt: &Stmt) -> Option<Read> {
    let node = stmt.syntax();
    let mut found = reading(node);
    found.takes(Lock::AccessExclusive, Length::Moment);
    match stmt {
        Stmt::DropTable(it) => {
            found.on = it.table_name_refs().map(|name| words(name.syntax())).collect();
            found.destroys = Some("the table with all its rows".into());
        }
        Stmt::DropSchema(_) => found.destroys = Some("the schema".into()),
        Stmt::DropSequence(_) => found.destroys = Some("where the sequence stood".into()),
        Stmt::DropForeignTable(_) => {}
        Stmt::DropExtension(_) => found.opaque = Some("what belongs to an extension goes with it".into()),
        Stmt::DropIndex(it) => {
            found.on = it.index_refs().map(|name| words(name.syntax())).collect();
            if it.concurrently_token().is_some() {
                let in_schema = it.index_refs().all(|name| name.path_ref().is_some_and(|path| path.qualifier().is_some()));
                if !in_schema {
                    return Some(Err(NO_SCHEMA));
                }
                (found.alone, found.lock) = (true, Lock::ShareUpdateExclusive);
                found.index = found.on.first().cloned();
            }
            found.remark("It comes back only by building it anew.", "Put its CREATE INDEX CONCURRENTLY into the way back.");
        }
        Stmt::DropMaterializedView(_) => found.remark("It comes back only by computing it anew.", "Put its definition into the way back."),
        Stmt::DropTrigger(_) | Stmt::DropRule(_) | Stmt::DropPolicy(_) | Stmt::DropView(_) => {
            found.remark("What uses it changes its behaviour at once.", "Put its definition into the way back.");
        }
        Stmt::DropType(_)
        | Stmt::DropDomain(_)
        | Stmt::DropFunction(_)
        | Stmt::DropProcedure(_)
        | Stmt::DropRoutine(_)
        | Stmt::DropAggregate(_)
        | Stmt::DropCast(_)
        | Stmt::DropCollation(_)
        | Stmt::DropConversion(_)
        | Stmt::DropEventTrigger(_)
        | Stmt::DropForeignDataWrapper(_)
        | Stmt::DropLanguage(_)
        | Stmt::DropOperator(_)
        | Stmt::DropOperatorClass(_)
        | Stmt::DropOperatorFamily(_)
        | Stmt::DropAccessMethod(_)
        | Stmt::DropPublication(_)
        | Stmt::DropServer(_)
        | Stmt::DropStatistics(_)
        | Stmt::DropTextSearchConfig(_)
        | Stmt::DropTextSearchDict(_)
        | Stmt::DropTextSearchParser(_)
        | Stmt::DropTextSearchTemplate(_)
        | Stmt::DropTransform(_)
        | Stmt::DropUserMapping(_)
        | Stmt::DropPropertyGraph(_) => {}
        _ => return None,
    }
    Some(Ok(found))
}

/// Changes something that exists.
fn alter(stmt: &Stmt, made: &BTreeSet<String>) -> Option<Reading> {
    let mut found = reading(stmt.syntax());
    match stmt {
        Stmt::AlterTable(it) => return Some(table::read(it, made)),
        Stmt::AlterMaterializedView(_)
        | Stmt::AlterForeignTable(_)
        | Stmt::AlterView(_)
        | Stmt::AlterPolicy(_)
        | Stmt::AlterRule(_)
        | Stmt::AlterSchema(_) => found.takes(Lock::AccessExclusive, Length::Moment),
        Stmt::AlterIndex(it) => {
            found.on.extend(it.index_ref().map(|name| words(name.syntax())));
            match it.action() {
                Some(ast::AlterIndexAction::SetTablespace(_)) | None => found.takes(Lock::AccessExclusive, Length::Rewrite),
                Some(ast::AlterIndexAction::AttachIndexPartition(_)) => found.takes(Lock::AccessExclusive, Length::Moment),
                Some(_) => found.takes(Lock::ShareUpdateExclusive, Length::Moment),
            }
        }
        Stmt::AlterSequence(_) | Stmt::AlterTrigger(_) => found.takes(Lock::ShareRowExclusive, Length::Moment),
        Stmt::AlterDomain(it) => {
            if let Some(
                ast::AlterDomainAction::AddConstraint(_)
                | ast::AlterDomainAction::ValidateConstraint(_)
                | ast::AlterDomainAction::SetNotNull(_),
            ) = it.action()
            {
                found.takes(Lock::Share, Length::Scan);
                found.remark("Every table with a column of this domain is read while it is locked against writes.", "");
            }
        }
        Stmt::AlterType(it) => match it.action() {
            Some(ast::AlterTypeAction::AddValue(_)) => found.remark("A value that was added to a type cannot be taken away again.", ""),
            Some(ast::AlterTypeAction::AlterTypeAttributeActionList(list)) => {
                if list.actions().any(|action| matches!(action, ast::AlterTypeAttributeAction::DropAttribute(_))) {
                    found.destroys = Some("what every column of this type holds in the attribute".into());
                }
                found.takes(Lock::AccessExclusive, Length::Rewrite);
                found.remark("Tables of this type, and those with a column of it, may be written anew.", "");
            }
            _ => {}
        },
        Stmt::AlterStatistics(_) | Stmt::AlterPublication(_) => found.takes(Lock::ShareUpdateExclusive, Length::Moment),
        Stmt::AlterExtension(_) => found.opaque = Some("an extension brings a script of its own".into()),
        Stmt::AlterEventTrigger(_) => found.opaque = Some("it acts on every later change of design".into()),
        Stmt::AlterFunction(_)
        | Stmt::AlterProcedure(_)
        | Stmt::AlterRoutine(_)
        | Stmt::AlterAggregate(_)
        | Stmt::AlterCollation(_)
        | Stmt::AlterConversion(_)
        | Stmt::AlterDefaultPrivileges(_)
        | Stmt::AlterForeignDataWrapper(_)
        | Stmt::AlterLanguage(_)
        | Stmt::AlterLargeObject(_)
        | Stmt::AlterOperator(_)
        | Stmt::AlterOperatorClass(_)
        | Stmt::AlterOperatorFamily(_)
        | Stmt::AlterTextSearchConfiguration(_)
        | Stmt::AlterTextSearchDictionary(_)
        | Stmt::AlterTextSearchParser(_)
        | Stmt::AlterTextSearchTemplate(_) => {}
        _ => return None,
    }
    Some(found)
}

/// What is left: comments, rights, and what nobody can tell.
fn other(stmt: &Stmt) -> Reading {
    let mut found = reading(stmt.syntax());
    match stmt {
        Stmt::CommentOn(_) | Stmt::SecurityLabel(_) => found.takes(Lock::ShareUpdateExclusive, Length::Moment),
        Stmt::Grant(_) | Stmt::Revoke(_) => {
            found.takes(Lock::RowExclusive, Length::Moment);
            found.remark("Rights take effect at once, for sessions that are open too.", "");
        }
        Stmt::Set(_) | Stmt::SetConstraints(_) => {}
        Stmt::Do(_) => found.opaque = Some("it runs code of its own".into()),
        Stmt::Call(_) => found.opaque = Some("it calls a procedure".into()),
        _ => found.opaque = Some("this kind of statement is not known here".into()),
    }
    found
}

/// Takes the lock on a relation, unless this change makes it itself.
pub(super) fn locks(found: &mut Reading, made: &BTreeSet<String>, name: &SyntaxNode, lock: Lock, length: Length) {
    let name = words(name);
    if !made.contains(&name) {
        found.on.push(name);
        found.takes(lock, length);
    }
}

/// Whether a keyword is among a node's own words.
pub(super) fn has_word(node: &SyntaxNode, word: &str) -> bool {
    node.descendants_with_tokens().filter_map(squawk_syntax::SyntaxElement::into_token).any(|token| token.text().eq_ignore_ascii_case(word))
}
