//! How the server would answer the critical queries (PG-21): the shape of each plan is kept with the look, and compared with the look before.

use super::{ATTENTION, NOTE, found};
use crate::canonical;
use crate::procedure::memory::{DAY_S, Measurement, Memory, PLAN};
use crate::procedure::select::step;
use crate::procedure::text::plural;
use crate::procedure::{Finding, Selection, quote};
use serde_json::Value;
use std::collections::BTreeSet;

/// The newest look that is older than this is compared with: the preview and the run of one window are one look.
const COMPARED_MIN_AGE_S: u64 = DAY_S * 5 / 6;
/// Parts of a plan that are written out.
const MOST_WRITTEN: usize = 12;
/// Nodes that say how rows are handed on, not how they are found: the server adds and drops them with little cause.
const PASSED_THROUGH: [&str; 6] = ["Gather", "Gather Merge", "Materialize", "Memoize", "Result", "Subquery Scan"];

/// One critical query, and what the server says it would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// As people call it.
    pub name: String,
    /// The query itself: another text is another query.
    pub sql: String,
    /// `EXPLAIN (FORMAT JSON, VERBOSE)`, or what the server said instead.
    pub plan: Result<Value, String>,
}

/// How rows are found and joined, from the top, without figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    parts: Vec<String>,
    whole_tables: u64,
    index_reads: u64,
}

impl Shape {
    /// Reads what the server said; `None` where it is no plan.
    #[must_use]
    pub fn read(plan: &Value) -> Option<Self> {
        let root = plan.get(0)?.get("Plan")?;
        let mut shape = Self { parts: vec![], whole_tables: 0, index_reads: 0 };
        shape.add(root);
        if shape.parts.is_empty() {
            // Nothing is read at all.
            shape.parts.push(root.get("Node Type")?.as_str()?.to_owned());
        }
        Some(shape)
    }

    fn add(&mut self, node: &Value) {
        let text = |name: &str| node.get(name).and_then(Value::as_str);
        let Some(kind) = text("Node Type") else { return };
        if !PASSED_THROUGH.contains(&kind) {
            self.whole_tables += u64::from(kind == "Seq Scan");
            self.index_reads += u64::from(kind.contains("Index"));
            let relation = text("Relation Name").map(|name| match text("Schema") {
                Some(schema) => format!(" on {}.{}", on_one_line(schema), on_one_line(name)),
                None => format!(" on {}", on_one_line(name)),
            });
            let index = text("Index Name").map(|name| format!(" by {}", on_one_line(name)));
            self.parts.push(format!("{kind}{}{}", relation.unwrap_or_default(), index.unwrap_or_default()));
        }
        let below = node.get("Plans").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if !matches!(kind, "Append" | "Merge Append") {
            return below.iter().for_each(|node| self.add(node));
        }
        // Partitions come and go: of those that are read alike the first stands for all.
        let mut seen = BTreeSet::new();
        for node in below {
            let mut one = Self { parts: vec![], whole_tables: 0, index_reads: 0 };
            one.add(node);
            if seen.insert(kinds(node)) {
                self.whole_tables += one.whole_tables;
                self.index_reads += one.index_reads;
                self.parts.extend(one.parts);
            }
        }
    }

    /// In one line, the first of many.
    #[must_use]
    pub fn said(&self) -> String {
        let more = self.parts.len().saturating_sub(MOST_WRITTEN);
        let written = self.parts[..self.parts.len() - more].join(", ");
        if more > 0 { format!("{written}, and {} more", plural(more as u64, "part", "parts")) } else { written }
    }

    /// What is kept of it. Names of partitions that stand for all are no part of the mark.
    fn figures(&self, sql: &str) -> [(&'static str, u64); 4] {
        let mark = mark("plan_shape", &self.parts.join("\n"));
        [("shape", mark), ("text", mark_of(sql)), ("whole_tables", self.whole_tables), ("index_reads", self.index_reads)]
    }
}

/// A name as people write it, without what would break the line.
fn on_one_line(name: &str) -> String {
    quote::for_people(name).replace(char::is_control, " ")
}

/// The kinds of a plan's nodes, without what they are on.
fn kinds(node: &Value) -> String {
    let below = node.get("Plans").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let kind = node.get("Node Type").and_then(Value::as_str).unwrap_or_default();
    format!("{kind}({})", below.iter().map(kinds).collect::<Vec<_>>().join(","))
}

fn mark_of(sql: &str) -> u64 {
    mark("critical_query", sql)
}

/// A mark that fits a figure: two texts of one mark would be an accident of one in 2^63.
fn mark(purpose: &'static str, text: &str) -> u64 {
    let digest = canonical::digest(purpose, text.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest.0[..8]);
    u64::from_be_bytes(first) >> 1
}

/// The shapes of all plans, and those that are others than before.
#[must_use]
pub fn plans(seen: &[Planned], memory: &Memory) -> (Selection, Vec<Measurement>) {
    if seen.is_empty() {
        let none = Finding::new(
            step::PLAN_REVIEW,
            "no_critical_query",
            NOTE,
            "No critical query is registered for this database, so no plan is compared.",
            "Register the queries that people wait for, on the page of the database.",
        );
        return (found(vec![none]), vec![]);
    }
    let (mut findings, mut kept) = (Vec::new(), Vec::new());
    for Planned { name, sql, plan } in seen {
        let shape = match plan {
            Ok(plan) => Shape::read(plan).ok_or_else(|| "the server's answer is no plan that is known here".to_owned()),
            Err(said) => Err(said.clone()),
        };
        let shape = match shape {
            Ok(shape) => shape,
            Err(said) => {
                let sentence = format!("How the critical query “{name}” would be answered is not known: {said}.");
                findings.push(
                    Finding::cannot_see(step::PLAN_REVIEW, sentence, "Give the role the right to read its tables, or mend the query.")
                        .called(name),
                );
                continue;
            }
        };
        let now = Measurement::now(PLAN, name, shape.figures(sql));
        let before = memory.of_object(PLAN, name).iter().rev().find(|one| one.age_s >= COMPARED_MIN_AGE_S);
        findings.push(compared(name, &shape, &now, before));
        kept.push(now);
    }
    (found(findings), kept)
}

fn compared(name: &str, shape: &Shape, now: &Measurement, before: Option<&Measurement>) -> Finding {
    let said = shape.said();
    let of = |one: &Measurement, figure: &str| one.figure(figure).unwrap_or(0);
    let plain = |sentence: String| {
        let advice = "Nothing to do: it is kept, to be compared with.";
        Finding::new(step::PLAN_REVIEW, "plan", NOTE, sentence, advice).called(name)
    };
    let Some(before) = before.filter(|before| of(before, "text") == of(now, "text")) else {
        return plain(format!("It would be answered by: {said}. There is nothing to compare with yet."));
    };
    let days = plural((before.age_s + DAY_S / 2) / DAY_S, "day", "days");
    if of(before, "shape") == of(now, "shape") {
        return plain(format!("It would be answered as {days} ago: {said}."));
    }
    let ways = |whole, indexes| {
        format!("{} read whole, {}", plural(whole, "table", "tables"), plural(indexes, "read by an index", "reads by indexes"))
    };
    let (was_whole, is_whole) = (of(before, "whole_tables"), shape.whole_tables);
    let worse = is_whole > was_whole;
    let sentence = format!(
        "It would be answered otherwise than {days} ago: {}, it was {}. Now: {said}.",
        ways(is_whole, shape.index_reads),
        ways(was_whole, of(before, "index_reads"))
    );
    let advice = if worse {
        "Look whether an index was dropped or became invalid, and whether the statistics of its tables are fresh; then compare its time on the validation list."
    } else {
        "Compare its time on the validation list: another plan is not a worse one."
    };
    Finding::new(step::PLAN_REVIEW, "plan_changed", if worse { ATTENTION } else { NOTE }, sentence, advice)
        .called(name)
        .figure("whole_tables", is_whole)
        .figure("whole_tables_before", was_whole)
}

#[cfg(test)]
#[path = "plans_tests.rs"]
mod tests;
