//! Reads the SQL of a design change: parts it into statements, and says of each what it does, which lock it takes, and for how long.
//!
//! The parser knows PostgreSQL's grammar, not the database: what depends on the database (a function's volatility, whether a type change
//! needs a rewrite) is taken for the worse. What the parser cannot read is not proposed at all, and what can be read but not told, such as
//! the code of a DO block, is marked for the people who approve.

mod data;
mod lint;
mod statement;
mod table;
pub mod trial;

use domain::change::{Change, ChangeForm, Reading, Statement, accounts, old_rows, settings};
use domain::decision::FieldError;
use domain::procedure::library::{ACCOUNTS_POSTGRESQL, OLD_ROWS_POSTGRESQL, SETTINGS_POSTGRESQL};
use domain::procedure::{Procedure, own_file};
use domain::proposal::ProposalForm;
use squawk_syntax::ast::{AstNode as _, Stmt};
use squawk_syntax::{Parse, SourceFile, SyntaxNode};
use std::collections::BTreeSet;

/// Errors shown of one text: the first ones tell the most.
const MOST_ERRORS: usize = 5;

/// Reads a form that proposes a change.
///
/// # Errors
/// One [`FieldError`] for each field that cannot be proposed as it is.
pub fn read_form(form: &ChangeForm) -> Result<Change, Vec<FieldError>> {
    let (mut errors, typed) = match form.parse() {
        Ok(typed) => (Vec::new(), Some(typed)),
        Err(found) => (found, None),
    };
    // What is there is read even where something else is missing: a person sees all of it at once.
    let Some(typed) = typed else {
        for (field, sql) in [("change_sql", &form.change_sql), ("back_sql", &form.back_sql)] {
            if !errors.iter().any(|error| error.field == field) {
                errors.extend(read(field, sql).err().into_iter().flatten());
            }
        }
        return Err(errors);
    };
    let mut take = |field: &str, sql: &str| {
        read(field, sql).unwrap_or_else(|found| {
            errors.extend(found);
            Vec::new()
        })
    };
    let statements = take("change_sql", &typed.change_sql);
    let back = typed.back.as_ref().map(|sql| take("back_sql", sql)).unwrap_or_default();
    if errors.is_empty() { typed.into_change(statements, back) } else { Err(errors) }
}

/// Reads what is typed for the procedure of this key: SQL, or settings, accounts or rules about old rows, one a line.
///
/// # Errors
/// One [`FieldError`] for each field that cannot be proposed as it is.
pub fn read_typed(procedure: &str, form: &ChangeForm) -> Result<Change, Vec<FieldError>> {
    match procedure {
        SETTINGS_POSTGRESQL => settings::read(&form.settings),
        ACCOUNTS_POSTGRESQL => accounts::read(&form.accounts),
        OLD_ROWS_POSTGRESQL => old_rows::read(&form.old_rows),
        _ => read_form(form),
    }
}

/// What a form sends by this procedure; `None` where that sends no text, or the text cannot be read yet.
#[must_use]
pub fn of_form(procedure: &Procedure, form: &ProposalForm) -> Option<Change> {
    let text = procedure.sends_text().then(|| form.text_of(procedure).ok()).flatten()?;
    read_typed(&procedure.key, &text).ok()
}

/// Whether the SQL of an own procedure can be proposed: with samples for its values it reads as a change of design, and each value stands there
/// by itself, outside of quotes and comments, where whatever is typed for it stays one token.
///
/// # Errors
/// Everything that is wrong, each beginning with the place in the file.
pub fn check_own(procedure: &Procedure) -> Result<(), Vec<FieldError>> {
    let Some((sql, values)) = procedure.own_sql() else { return Ok(()) };
    let sampled = sql.sampled(values);
    let place = |field: &str| match field {
        "change_sql" => "sql, statements",
        "back_sql" => "sql, back",
        "read_by_me" => "sql, read_by_me",
        "no_way_back" => "sql, no_way_back",
        "keep_out" => "sql, keep_out",
        "keep_out_min" => "sql, keep_out_min",
        _ => "sql, as_role",
    };
    let mut errors: Vec<FieldError> = Vec::new();
    if let Err(found) = read_form(&sampled) {
        errors
            .extend(found.into_iter().map(|error| FieldError::new(own_file::FIELD, format!("{}: {}", place(&error.field), error.message))));
    }
    let texts = [("change_sql", &sampled.change_sql), ("back_sql", &sampled.back_sql)];
    for ((field, text), places) in texts.into_iter().zip(sql.sampled_places(values)) {
        let found = std::panic::catch_unwind(|| tokens(text)).unwrap_or_default();
        for (name, begin, end) in places {
            let why = match found.iter().find(|token| (token.begin, token.end) == (begin, end)) {
                Some(token) if !token.runs => continue,
                Some(_) => "would be code: a value is no statement, and no text of a function",
                None => {
                    "has to stand by itself: not in quotes, in a comment or in the text of a function, and not next to a letter or a digit"
                }
            };
            errors.push(FieldError::new(own_file::FIELD, format!("{}: {{{{{name}}}}} {why}.", place(field))));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// A token of a statement.
struct Token {
    /// Its first byte in the text.
    begin: usize,
    /// The byte after its last.
    end: usize,
    /// Its statement runs code, or makes some.
    runs: bool,
}

/// The tokens of all statements of a text, in their order.
fn tokens(sql: &str) -> Vec<Token> {
    let file = SourceFile::parse(sql);
    let mut found = Vec::new();
    for stmt in file.tree().stmts() {
        let runs = matches!(stmt, Stmt::Do(_) | Stmt::CreateFunction(_) | Stmt::CreateProcedure(_));
        for token in stmt.syntax().descendants_with_tokens().filter_map(squawk_syntax::SyntaxElement::into_token) {
            let range = token.text_range();
            found.push(Token { begin: range.start().into(), end: range.end().into(), runs });
        }
    }
    found
}

/// The statements of a text.
///
/// # Errors
/// Where the text cannot be read, or holds something that has no place in a change.
pub fn read(field: &str, sql: &str) -> Result<Vec<Statement>, Vec<FieldError>> {
    // The parser is somebody else's, and the text may be anything: a panic of it is an unreadable text, not a broken page.
    std::panic::catch_unwind(|| read_all(field, sql)).unwrap_or_else(|_| {
        Err(vec![FieldError::new(
            field,
            "This text cannot be read as PostgreSQL. Write it in a simpler way, or part it into several windows.",
        )])
    })
}

fn read_all(field: &str, sql: &str) -> Result<Vec<Statement>, Vec<FieldError>> {
    let file = SourceFile::parse(sql);
    let unreadable: Vec<FieldError> = file
        .errors()
        .iter()
        .take(MOST_ERRORS)
        .map(|error| FieldError::new(field, format!("{}: {}.", place(sql, error.range().start().into()), plain(error.message()))))
        .collect();
    if !unreadable.is_empty() {
        return Err(unreadable);
    }
    let (statements, errors) = collect(field, sql, &file);
    if errors.is_empty() { Ok(statements) } else { Err(errors) }
}

fn collect(field: &str, sql: &str, file: &Parse<SourceFile>) -> (Vec<Statement>, Vec<FieldError>) {
    let (mut statements, mut errors, mut made) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut remarks = lint::remarks(file, sql);
    for stmt in file.tree().stmts() {
        if matches!(stmt, Stmt::EmptyStmt(_)) {
            continue;
        }
        let text = text_of(stmt.syntax());
        match statement::read(&stmt, &made) {
            Ok(mut reading) => {
                if statement::forgets(&stmt, &reading) {
                    made.clear();
                }
                made.extend(statement::makes(&stmt));
                let range = stmt.syntax().text_range();
                let (own, others): (Vec<_>, Vec<_>) = remarks.into_iter().partition(|(at, _)| range.contains_inclusive(*at));
                remarks = others;
                reading.remarks.extend(own.into_iter().map(|(_, remark)| remark));
                statements.push(Statement { text, reading });
            }
            Err(refused) => {
                let number = statements.len() + errors.len() + 1;
                errors.push(FieldError::new(field, format!("Statement {number} ({}): {refused}", command(stmt.syntax()))));
            }
        }
    }
    (statements, errors)
}

/// The statement as typed, without the semicolon and what stands around it.
fn text_of(node: &SyntaxNode) -> String {
    node.text().to_string().trim().trim_end_matches(';').trim_end().to_owned()
}

/// Line and column, from 1.
fn place(sql: &str, at: usize) -> String {
    let before = sql.get(..at).unwrap_or(sql);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("Line {line}, column {column}")
}

/// A parser's message as part of a sentence.
fn plain(message: &str) -> String {
    let line: String = message.trim_end_matches('.').split_whitespace().collect::<Vec<_>>().join(" ").chars().take(500).collect();
    domain::people::visible(&line)
}

/// The words a statement begins with: `ALTER TABLE`.
fn command(node: &SyntaxNode) -> String {
    let words: Vec<String> = node
        .children_with_tokens()
        .filter_map(squawk_syntax::SyntaxElement::into_token)
        .map(|token| token.text().to_uppercase())
        .filter(|text| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphabetic()))
        .take_while(|word| !matches!(word.as_str(), "ON" | "IF" | "CONCURRENTLY" | "FROM" | "INTO" | "AS" | "SET" | "IS" | "TO"))
        .take(3)
        .collect();
    if words.is_empty() { "a query".to_owned() } else { words.join(" ") }
}

/// A reading that begins with the statement's own words.
fn reading(node: &SyntaxNode) -> Reading {
    Reading::harmless(command(node))
}

/// Whether a node of this type is anywhere below.
fn has<N: squawk_syntax::ast::AstNode>(node: &SyntaxNode) -> bool {
    node.descendants().any(|below| N::can_cast(below.kind()))
}

/// What a node says, as typed: a name may hold anything between its quotes.
fn words(node: &SyntaxNode) -> String {
    node.text().to_string().trim().to_owned()
}

#[cfg(test)]
#[path = "change/tests.rs"]
mod tests;
