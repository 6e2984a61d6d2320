//! Exports the facts that a filter finds, newest first, as CSV or JSON Lines. The export is itself a fact, written before the first line.

use super::Caller;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::queries;
use crate::store::trail::{self, FactRow, Search};
use crate::trail::export::fact_line;
use crate::transaction;
use crate::wake::{Wake, wake};
use domain::csv;
use domain::fact::{FactBytes, NewFact};
use domain::permission::{Verb, authorize};
use domain::view::trail::TrailFilter;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// What was asked for: the filter of the list, and the format.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Input {
    /// `csv` or `jsonl`.
    pub format: String,
    /// See [`domain::view::trail::FILTER_FIELDS`], which names them.
    #[serde(flatten)]
    pub filter: BTreeMap<String, String>,
}

/// An export on its way.
pub struct Export {
    /// Name of the file.
    pub file_name: String,
    /// Media type.
    pub media_type: &'static str,
    /// The text, piece by piece. Each piece is read in a transaction of its own, so nothing is held while a slow reader reads.
    pub body: BoxStream<'static, Result<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    JsonLines,
}

/// Facts read at a time.
const PIECE: i64 = 500;

/// Begins an export. Refused without the right; fields that cannot be read are named.
pub async fn export_trail(engine: &Engine, caller: &Caller, input: &Input) -> Result<Export> {
    let permit = authorize(&caller.actor, Verb::ExportTrail, None)?;
    let (format, filter) = check(input)?;
    let (asked, zone, request) = (filter.clone(), caller.actor.zone.clone(), caller.request.clone());
    let (search, last) = transaction::run(engine.pool(), "export_trail", move |db| {
        let (permit, request, filter, zone) = (permit.clone(), request.clone(), asked.clone(), zone.clone());
        Box::pin(async move {
            let search = queries::trail::search_of(db, &filter, &zone).await?;
            let narrowed: serde_json::Map<_, _> = filter.pairs().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            let word = if format == Format::Csv { "csv" } else { "jsonl" };
            let fact = NewFact::done("trail.export", "trail", "trail").with("format", word).with("filter", narrowed).with("zone", zone);
            let fact = Ledger::open(db, &permit, &request).fact(fact).await?;
            Ok((search, fact.id()))
        })
    })
    .await?;
    wake(engine.pool(), &[Wake::Sealer]).await;
    let day = engine.clock().now().strftime("%Y-%m-%d").to_string();
    let (ending, media_type) = match format {
        Format::Csv => ("csv", "text/csv; charset=utf-8"),
        Format::JsonLines => ("jsonl", "application/jsonl; charset=utf-8"),
    };
    // The name leads to the fact, which holds the filter whole, and says the filter as far as it fits into a name.
    let file_name = format!("drydock-trail-{day}-fact-{last}-{}.{ending}", slug(&filter.words()));
    let head = head(&filter, &caller.actor.zone, last, format);
    // Up to the export's own fact: what is written meanwhile does not belong to it.
    let body = pieces(engine.clone(), search, last, format, head);
    Ok(Export { file_name, media_type, body })
}

/// Longest description of a filter in a file's name.
const LONGEST_SLUG: usize = 60;

/// Words as a part of a file's name that every system takes.
fn slug(words: &str) -> String {
    let mut slug = String::new();
    for c in words.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' if slug.len() < LONGEST_SLUG => slug.push(c),
            _ if slug.ends_with('-') || slug.len() >= LONGEST_SLUG => {}
            _ => slug.push('-'),
        }
    }
    slug.trim_matches('-').to_owned()
}

/// What stands before the first fact. A CSV file has its columns' names there; the byte-order mark tells spreadsheets that names are in UTF-8.
fn head(filter: &TrailFilter, zone: &str, fact: i64, format: Format) -> String {
    if format == Format::Csv {
        return format!("\u{feff}{}", csv::line(HEAD));
    }
    let narrowed: serde_json::Map<_, _> = filter.pairs().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    format!("{}\n", serde_json::json!({"kind": "export", "fact": fact, "filter": narrowed, "zone": zone, "order": "newest first"}))
}

fn check(input: &Input) -> Result<(Format, TrailFilter)> {
    let format = match input.format.as_str() {
        "csv" => Format::Csv,
        "jsonl" => Format::JsonLines,
        _ => return Err(Error::field("format", "Choose CSV or JSON Lines.")),
    };
    // Where the list was, is no part of what is exported.
    let (filter, errors) = TrailFilter::parse(|name| input.filter.get(name).filter(|_| name != "before").cloned());
    if errors.is_empty() { Ok((format, filter)) } else { Err(errors.into()) }
}

const HEAD: [&str; 15] = [
    "id",
    "at",
    "actor_kind",
    "actor",
    "actor_id",
    "action",
    "object_kind",
    "object_id",
    "team_id",
    "window_id",
    "result",
    "request",
    "payload",
    "batch",
    "leaf",
];

fn pieces(engine: Engine, search: Option<Search>, last: i64, format: Format, head: String) -> BoxStream<'static, Result<String>> {
    let rest = stream::try_unfold(search.map(|search| (search, last)), move |next| {
        let engine = engine.clone();
        async move {
            let Some((search, before)) = next else { return Ok(None) };
            let sought = search.clone();
            let (rows, names) = transaction::read(engine.pool(), "export_trail_piece", move |db| {
                let search = sought.clone();
                Box::pin(async move {
                    let rows = trail::search(db, &search, before, PIECE).await?;
                    let people: Vec<Uuid> = rows.iter().filter_map(|row| row.fact.actor).collect();
                    let names = trail::names(db, &people).await?;
                    Ok((rows, names))
                })
            })
            .await?;
            let text: String = rows.iter().map(|row| line(row, &names, format)).collect();
            let Some(oldest) = rows.last().map(|row| row.fact.id) else { return Ok(None) };
            Ok(Some((text, Some((search, oldest)))))
        }
    });
    stream::once(async { Ok(head) }).chain(rest).boxed()
}

fn line(row: &FactRow, names: &HashMap<Uuid, (String, String)>, format: Format) -> String {
    let fact = &row.fact;
    if format == Format::JsonLines {
        return format!("{}\n", fact_line(fact, row.sealed));
    }
    let id = |id: Option<Uuid>| id.map_or_else(String::new, |id| id.to_string());
    let said: Option<FactBytes> = serde_json::from_slice(&fact.bytes).ok();
    let payload = said.as_ref().map_or_else(String::new, |said| serde_json::Value::Object(said.payload.clone()).to_string());
    let actor = fact.actor.and_then(|person| names.get(&person)).map_or_else(|| fact.actor_kind.clone(), |(name, _)| name.clone());
    let fields = [
        fact.id.to_string(),
        row.at.to_string(),
        fact.actor_kind.clone(),
        actor,
        id(fact.actor),
        fact.action.clone(),
        fact.object_kind.clone(),
        fact.object_id.clone(),
        id(fact.team),
        id(fact.window),
        fact.result.clone(),
        said.map(|said| said.request).unwrap_or_default(),
        payload,
        row.sealed.map_or_else(String::new, |(n, _)| n.to_string()),
        hex::encode(&fact.leaf),
    ];
    csv::line(fields.iter().map(String::as_str))
}
