//! What of a change may be tried on an empty copy of the schema, and how.
//!
//! A copy stands on the same server as the database, so a statement must not reach beyond it: not to roles, other databases, settings or
//! files, and not to code that could. The list is of what may be run; everything else is not, with a reason. Where a statement is about rows
//! the server only reads it, without planning or running: no trigger and no function of anybody's runs then.

use super::{has, statement::has_word, words};
use squawk_syntax::ast::{self, AstNode as _, Stmt};
use squawk_syntax::{SourceFile, SyntaxNode};
use std::collections::BTreeSet;

/// How a statement is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// It is run.
    Run {
        /// What is sent: the statement, where it computes rows without them.
        sql: String,
        /// Functions it may evaluate though there are no rows, as written: each has to be one that only computes.
        calls: BTreeSet<String>,
        /// It evaluates a value at once: operators and types of the schema may run code of their own then.
        evaluates: bool,
    },
    /// The server reads it, and does not run it.
    Read(&'static str),
    /// It is left alone.
    Not(&'static str),
}

const ROWS: &str = "it is about rows, and the copy has none";
const CODE: &str = "nobody can tell what its code does, so it may reach beyond the database";
const SHARED: &str = "it reaches beyond the database, to what the whole server shares";
const AWAY: &str = "it is about other servers or about what is sent to them, which is not copied";
const OWNER: &str = "owners are not copied";
const WHOLE: &str = "it names no table, so it would work on more than the copy";
const OPERATORS: &str = "operators and casts run code wherever they are used";
const LANGUAGE: &str = "only code in SQL and PL/pgSQL is looked at without running it";
const UNKNOWN: &str = "this kind of statement is not tried";

/// How one statement is tried.
#[must_use]
pub fn way(text: &str) -> Way {
    // The parser is somebody else's: what it cannot take is not tried.
    std::panic::catch_unwind(|| {
        let file = SourceFile::parse(text);
        if !file.errors().is_empty() {
            return Way::Not(UNKNOWN);
        }
        let mut stmts = file.tree().stmts().filter(|stmt| !matches!(stmt, Stmt::EmptyStmt(_)));
        match (stmts.next(), stmts.next()) {
            (Some(stmt), None) => of(&stmt, text),
            _ => Way::Not(UNKNOWN),
        }
    })
    .unwrap_or(Way::Not(UNKNOWN))
}

fn of(stmt: &Stmt, text: &str) -> Way {
    let node = stmt.syntax();
    if has::<ast::OwnerTo>(node) {
        return Way::Not(OWNER);
    }
    match stmt {
        Stmt::Insert(_)
        | Stmt::Update(_)
        | Stmt::Delete(_)
        | Stmt::Merge(_)
        | Stmt::Select(_)
        | Stmt::CompoundSelect(_)
        | Stmt::ParenSelect(_)
        | Stmt::Values(_)
        | Stmt::Table(_) => Way::Read(ROWS),
        Stmt::Truncate(_) | Stmt::Refresh(_) | Stmt::SelectInto(_) => Way::Not(ROWS),
        Stmt::CreateTableAs(it) if has::<ast::Execute>(it.syntax()) => Way::Not(CODE),
        Stmt::CreateTableAs(_) | Stmt::CreateMaterializedView(_) => run_as(without_rows(node, text)),
        Stmt::CreateTable(_) | Stmt::AlterTable(_) | Stmt::CreateIndex(_) | Stmt::CreateDomain(_) | Stmt::AlterDomain(_) => {
            computing(node, text)
        }
        Stmt::CreateStatistics(_) => computing(node, text),
        Stmt::CreateFunction(_) | Stmt::CreateProcedure(_) => {
            if in_sql(node) {
                run_as(text.to_owned())
            } else {
                Way::Not(LANGUAGE)
            }
        }
        Stmt::CreateSchema(it) if it.schema_elements().next().is_some() => Way::Not(UNKNOWN),
        Stmt::CommentOn(it) => match it.comment_object() {
            Some(object) if is_copied(&object) => run_as(text.to_owned()),
            _ => Way::Not(SHARED),
        },
        Stmt::Grant(it) => rights(it.on_privilege_objects_clause(), text),
        Stmt::Revoke(it) => rights(it.on_privilege_objects_clause(), text),
        Stmt::Reindex(_) if has_word(node, "DATABASE") || has_word(node, "SYSTEM") => Way::Not(SHARED),
        Stmt::Vacuum(_) | Stmt::Analyze(_) if !has::<ast::TableAndColumnsList>(node) => Way::Not(WHOLE),
        Stmt::Cluster(it) if it.table_name_ref().is_none() && it.cluster_legacy().is_none() => Way::Not(WHOLE),
        Stmt::CreateCast(_) | Stmt::CreateOperator(_) | Stmt::CreateOperatorClass(_) | Stmt::CreateOperatorFamily(_) => Way::Not(OPERATORS),
        Stmt::Do(_)
        | Stmt::Call(_)
        | Stmt::CreateExtension(_)
        | Stmt::AlterExtension(_)
        | Stmt::DropExtension(_)
        | Stmt::CreateEventTrigger(_)
        | Stmt::AlterEventTrigger(_)
        | Stmt::DropEventTrigger(_) => Way::Not(CODE),
        Stmt::CreatePublication(_)
        | Stmt::AlterPublication(_)
        | Stmt::DropPublication(_)
        | Stmt::ImportForeignSchema(_)
        | Stmt::CreateForeignTable(_)
        | Stmt::AlterForeignTable(_)
        | Stmt::DropForeignTable(_)
        | Stmt::CreateForeignDataWrapper(_)
        | Stmt::AlterForeignDataWrapper(_)
        | Stmt::DropForeignDataWrapper(_)
        | Stmt::DropServer(_)
        | Stmt::DropUserMapping(_) => Way::Not(AWAY),
        _ if is_harmless(stmt) => run_as(text.to_owned()),
        _ => Way::Not(UNKNOWN),
    }
}

/// What only writes into the catalogs of the database it is run in, and evaluates nothing.
fn is_harmless(stmt: &Stmt) -> bool {
    matches!(
        stmt,
        Stmt::CreateTrigger(_)
            | Stmt::CreateRule(_)
            | Stmt::CreatePolicy(_)
            | Stmt::CreateView(_)
            | Stmt::CreateSchema(_)
            | Stmt::CreateSequence(_)
            | Stmt::CreateType(_)
            | Stmt::CreateAggregate(_)
            | Stmt::CreateCollation(_)
            | Stmt::CreateConversion(_)
            | Stmt::CreateTextSearchConfiguration(_)
            | Stmt::CreateTextSearchDictionary(_)
            | Stmt::AlterIndex(_)
            | Stmt::AlterSequence(_)
            | Stmt::AlterTrigger(_)
            | Stmt::AlterView(_)
            | Stmt::AlterMaterializedView(_)
            | Stmt::AlterPolicy(_)
            | Stmt::AlterRule(_)
            | Stmt::AlterSchema(_)
            | Stmt::AlterType(_)
            | Stmt::AlterStatistics(_)
            | Stmt::AlterFunction(_)
            | Stmt::AlterProcedure(_)
            | Stmt::AlterRoutine(_)
            | Stmt::AlterAggregate(_)
            | Stmt::AlterCollation(_)
            | Stmt::AlterConversion(_)
            | Stmt::AlterDefaultPrivileges(_)
            | Stmt::AlterTextSearchConfiguration(_)
            | Stmt::AlterTextSearchDictionary(_)
            | Stmt::DropAggregate(_)
            | Stmt::DropCollation(_)
            | Stmt::DropConversion(_)
            | Stmt::DropDomain(_)
            | Stmt::DropFunction(_)
            | Stmt::DropIndex(_)
            | Stmt::DropMaterializedView(_)
            | Stmt::DropPolicy(_)
            | Stmt::DropProcedure(_)
            | Stmt::DropRoutine(_)
            | Stmt::DropRule(_)
            | Stmt::DropSchema(_)
            | Stmt::DropSequence(_)
            | Stmt::DropStatistics(_)
            | Stmt::DropTable(_)
            | Stmt::DropTextSearchConfig(_)
            | Stmt::DropTextSearchDict(_)
            | Stmt::DropTrigger(_)
            | Stmt::DropType(_)
            | Stmt::DropView(_)
            | Stmt::Set(_)
            | Stmt::SetConstraints(_)
            | Stmt::Reindex(_)
            | Stmt::Vacuum(_)
            | Stmt::Analyze(_)
            | Stmt::Cluster(_)
    )
}

fn run_as(sql: String) -> Way {
    Way::Run { sql, calls: BTreeSet::new(), evaluates: false }
}

/// What may evaluate something though there are no rows: a default for rows that exist, the bounds of a partition, constants in an expression.
fn computing(node: &SyntaxNode, text: &str) -> Way {
    // A function of one row may be called like a field of it: (row).function.
    let of_a_value = |field: ast::FieldExpr| words(field.syntax()).contains('(');
    if node.descendants().filter_map(ast::FieldExpr::cast).any(of_a_value) {
        return Way::Not(CODE);
    }
    let calls =
        node.descendants().filter_map(ast::CallExpr::cast).filter_map(|call| call.expr()).map(|name| words(name.syntax())).collect();
    Way::Run { sql: text.to_owned(), calls, evaluates: true }
}

/// The same without computing the rows it would be filled with.
fn without_rows(node: &SyntaxNode, text: &str) -> String {
    let data = node.children().find(|child| ast::DataOption::can_cast(child.kind()));
    match data.map(|data| usize::from(data.text_range().start())) {
        Some(at) => format!("{} WITH NO DATA", text.get(..at).unwrap_or(text)),
        // A comment may end the text.
        None => format!("{}\nWITH NO DATA", text.trim_end().trim_end_matches(';')),
    }
}

/// Whether a function's body is in a language that is read when the function is made, and not run.
fn in_sql(node: &SyntaxNode) -> bool {
    let mut languages = node.descendants().filter_map(ast::LanguageFuncOption::cast);
    languages.all(|option| {
        let name = words(option.syntax()).to_lowercase().replace("language", "");
        ["sql", "plpgsql"].contains(&name.trim().trim_matches(['\'', '"']))
    })
}

/// Whether a comment is on something that belongs to the database and is copied.
fn is_copied(object: &ast::CommentObject) -> bool {
    use ast::CommentObject as Of;
    !matches!(
        object,
        Of::ObjectDatabase(_)
            | Of::ObjectRole(_)
            | Of::ObjectTablespace(_)
            | Of::ObjectSubscription(_)
            | Of::ObjectPublication(_)
            | Of::ObjectServer(_)
            | Of::ObjectForeignDataWrapper(_)
            | Of::ObjectForeignTable(_)
            | Of::ObjectEventTrigger(_)
            | Of::ObjectExtension(_)
            | Of::ObjectLanguage(_)
            | Of::ObjectAccessMethod(_)
            | Of::ObjectLargeObject(_)
    )
}

/// Rights on what belongs to the database; those on databases, tablespaces and settings are the server's.
fn rights(on: Option<ast::OnPrivilegeObjectsClause>, text: &str) -> Way {
    use ast::PrivilegeObjects as On;
    match on.and_then(|on| on.privilege_objects()) {
        Some(
            On::PrivilegeAllFunctionsInSchema(_)
            | On::PrivilegeAllProceduresInSchema(_)
            | On::PrivilegeAllRoutinesInSchema(_)
            | On::PrivilegeAllSequencesInSchema(_)
            | On::PrivilegeAllTablesInSchema(_)
            | On::PrivilegeDefault(_)
            | On::PrivilegeDomain(_)
            | On::PrivilegeFunction(_)
            | On::PrivilegeProcedure(_)
            | On::PrivilegeRoutine(_)
            | On::PrivilegeSchema(_)
            | On::PrivilegeSequence(_)
            | On::PrivilegeTable(_)
            | On::PrivilegeType(_),
        ) => run_as(text.to_owned()),
        _ => Way::Not(SHARED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_beyond_the_database_is_not_run() {
        for sql in [
            "CREATE ROLE intruder",
            "GRANT shop_owner TO intruder",
            "GRANT CONNECT ON DATABASE shop TO intruder",
            "REVOKE ALL ON DATABASE shop FROM PUBLIC",
            "GRANT CREATE ON TABLESPACE fast TO intruder",
            "GRANT SET ON PARAMETER work_mem TO intruder",
            "COMMENT ON DATABASE shop IS 'x'",
            "COMMENT ON ROLE shop_owner IS 'x'",
            "SECURITY LABEL ON ROLE shop_owner IS 'x'",
            "ALTER DATABASE shop SET work_mem = '1GB'",
            "ALTER SYSTEM SET work_mem = '1GB'",
            "CREATE DATABASE other",
            "DROP SUBSCRIPTION s",
            "CREATE SUBSCRIPTION s CONNECTION 'host=evil' PUBLICATION p",
            "COPY shop.orders TO PROGRAM 'sh'",
            "DO $$ BEGIN CREATE ROLE intruder; END $$",
            "CALL shop.everything()",
            "CREATE EXTENSION dblink",
            "REINDEX DATABASE shop",
            "REINDEX SYSTEM shop",
            "VACUUM",
            "ANALYZE",
            "CLUSTER",
            "TRUNCATE shop.orders",
            "REFRESH MATERIALIZED VIEW shop.m",
            "SELECT a INTO shop.b FROM shop.c",
            "ALTER TABLE shop.orders OWNER TO intruder",
            "CREATE SCHEMA s GRANT ALL ON DATABASE shop TO intruder",
            "CREATE FUNCTION shop.f() RETURNS int LANGUAGE c AS 'lib', 'f'",
            "CREATE FUNCTION shop.f() RETURNS int LANGUAGE plpython3u AS 'x'",
            "CREATE OPERATOR shop.<+> (FUNCTION = shop.f, LEFTARG = int, RIGHTARG = int)",
            "ALTER PUBLICATION p ADD TABLE shop.orders",
            "IMPORT FOREIGN SCHEMA s FROM SERVER x INTO y",
            "LOAD 'lib'",
            "one; two",
            "SELECT 1; CREATE ROLE intruder",
            "BEGIN",
            "",
        ] {
            assert!(matches!(way(sql), Way::Not(_)), "{sql}: {:?}", way(sql));
        }
    }

    #[test]
    fn what_changes_the_design_is_run() {
        for sql in [
            "CREATE TABLE shop.n (id int, role text, database text, at timestamptz DEFAULT now())",
            "ALTER TABLE shop.orders ADD COLUMN owner text",
            "CREATE INDEX CONCURRENTLY i ON shop.orders (lower(note))",
            "DROP INDEX CONCURRENTLY shop.i",
            "CREATE VIEW shop.v AS SELECT shop.f()",
            "CREATE FUNCTION shop.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE FUNCTION shop.f() RETURNS int LANGUAGE 'plpgsql' AS 'BEGIN RETURN 1; END'",
            "CREATE TRIGGER t BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.f()",
            "GRANT SELECT ON shop.orders TO shop_app",
            "COMMENT ON TABLE shop.orders IS 'x'",
            "VACUUM (ANALYZE) shop.orders",
            "REINDEX TABLE CONCURRENTLY shop.orders",
            "SET LOCAL search_path = shop",
            "ALTER TYPE shop.state ADD VALUE 'x'",
        ] {
            assert!(matches!(way(sql), Way::Run { .. }), "{sql}: {:?}", way(sql));
        }
    }

    #[test]
    fn statements_about_rows_are_read_only() {
        for sql in
            ["INSERT INTO shop.orders VALUES (1)", "SELECT shop.f()", "WITH x AS (DELETE FROM shop.orders RETURNING *) SELECT * FROM x"]
        {
            assert_eq!(way(sql), Way::Read(ROWS), "{sql}");
        }
    }

    #[test]
    fn tables_of_a_query_are_made_empty() {
        for (sql, sent) in [
            ("CREATE TABLE shop.n AS SELECT shop.f()", "CREATE TABLE shop.n AS SELECT shop.f()\nWITH NO DATA"),
            ("CREATE TABLE shop.n AS SELECT 1 -- x", "CREATE TABLE shop.n AS SELECT 1 -- x\nWITH NO DATA"),
            ("CREATE TABLE shop.n AS SELECT 1 WITH DATA", "CREATE TABLE shop.n AS SELECT 1  WITH NO DATA"),
            ("CREATE MATERIALIZED VIEW shop.m AS SELECT 1 WITH NO DATA", "CREATE MATERIALIZED VIEW shop.m AS SELECT 1  WITH NO DATA"),
        ] {
            assert_eq!(way(sql), run_as(sent.to_owned()));
        }
    }

    #[test]
    fn functions_that_may_be_evaluated_are_named() {
        let Way::Run { calls, evaluates, .. } = way("ALTER TABLE shop.orders ADD COLUMN k uuid DEFAULT shop.key(gen_random_uuid())") else {
            panic!("run")
        };
        assert_eq!(calls.into_iter().collect::<Vec<_>>(), ["gen_random_uuid", "shop.key"]);
        assert!(evaluates);
        let like_a_field = "ALTER TABLE shop.orders ADD COLUMN x int DEFAULT (ROW(1)::shop.t).f";
        assert_eq!(way(like_a_field), Way::Not(CODE));
        assert!(matches!(way("CREATE INDEX i ON shop.orders ((shop.orders.note || 'x'))"), Way::Run { evaluates: true, .. }));
    }
}
