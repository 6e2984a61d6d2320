//! What a verification found, in words, in JSON, and as an exit code.

use domain::canonical::Digest;
use domain::trail::verify::Flaw;
use jiff::Timestamp;
use serde_json::{Value, json};

/// How far the end of the chain is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// By an outside head: nothing up to this batch was cut off or exchanged.
    Proven {
        /// The newest batch that is anchored.
        n: i64,
        /// Heads compared.
        heads: usize,
    },
    /// Nobody said where the chain should end: its newest part may have been cut off.
    NotProven,
}

/// A key and the batches it signed first and last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// Ed25519 public key.
    pub key: Digest,
    /// First batch.
    pub first: i64,
    /// Last batch.
    pub last: i64,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// First batch looked at; 1 for the whole chain.
    pub from: i64,
    /// Batches checked.
    pub batches: i64,
    /// Facts checked in them.
    pub facts: u64,
    /// Facts that wait for their seal.
    pub unsealed: u64,
    /// Plans, votes and work lists compared with their facts.
    pub things: u64,
    /// Newest batch and its hash.
    pub head: Option<(i64, Digest)>,
    /// Keys that signed.
    pub keys: Vec<KeyUse>,
    /// How far the end is proven.
    pub end: End,
    /// Remarkable, but no proof of tampering.
    pub notes: Vec<String>,
    /// The first thing that does not agree.
    pub flaw: Option<Flaw>,
    /// When it was looked at, by the state database's clock.
    pub at: Timestamp,
}

impl Report {
    /// Nothing looked at yet.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        let (from, batches, facts, unsealed, things, head) = (1, 0, 0, 0, 0, None);
        Self { from, batches, facts, unsealed, things, head, keys: vec![], end: End::NotProven, notes: vec![], flaw: None, at }
    }

    /// 0 proven, 1 tampered, 3 sound as far as it goes but the end is not proven. (2 is for what could not be verified at all.)
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (&self.flaw, &self.end) {
            (Some(_), _) => 1,
            (None, End::Proven { .. }) => 0,
            (None, End::NotProven) => 3,
        }
    }

    /// One word for programs.
    #[must_use]
    pub fn result(&self) -> &'static str {
        match self.exit_code() {
            0 => "proven",
            1 => "tampered",
            _ => "end_not_proven",
        }
    }

    /// What people read, a sentence a line.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut lines = vec![];
        if let Some(flaw) = &self.flaw {
            lines.push(format!("TAMPERED: {flaw}."));
            lines.push(match self.facts {
                0 => "Nothing before it could be proven.".to_owned(),
                facts => format!("{} before it {} sound.", plural(facts, "fact"), if facts == 1 { "is" } else { "are" }),
            });
            lines.push("Keep the database as it is, and a copy of it, for whoever finds out what happened.".to_owned());
            return lines;
        }
        let of_what = if self.from > 1 {
            format!("the newest {}, from batch {} on", plural(self.batches.unsigned_abs(), "batch"), self.from)
        } else {
            plural(self.batches.unsigned_abs(), "batch")
        };
        lines.push(format!(
            "Sound: {} in {of_what}. Every fact is unchanged, in one batch, in order; every batch follows the one before and is signed.",
            plural(self.facts, "fact")
        ));
        match self.things {
            0 => {}
            1 => lines.push("1 plan, vote or work list matches its fact.".to_owned()),
            n => lines.push(format!("{n} plans, votes and work lists match their facts.")),
        }
        lines.push(match self.unsealed {
            0 => "No fact waits for its seal.".to_owned(),
            1 => "1 fact waits for its seal; until then only the database vouches for it.".to_owned(),
            n => format!("{n} facts wait for their seal; until then only the database vouches for them."),
        });
        for key in &self.keys {
            lines.push(format!("Signed by key {} (batches {} to {}).", key.key.short(), key.first, key.last));
        }
        lines.extend(self.notes.iter().cloned());
        lines.push(self.end_sentence());
        lines
    }

    /// The same for a page, where a head can be pasted in: what it knows besides comes from the database alone.
    #[must_use]
    pub fn page_sentences(&self) -> Vec<String> {
        let mut lines = self.sentences();
        if self.flaw.is_none() && self.end == End::NotProven {
            lines.pop();
            lines.push("End of chain not proven: whether newer facts were cut off, only an anchor can tell. Paste the head from the newest mail and verify again, or let an operator run drydock trail verify --anchor FILE, with a copy of anchors.jsonl from another machine.".to_owned());
        }
        lines
    }

    fn end_sentence(&self) -> String {
        let newest = self.head.map_or(0, |(n, _)| n);
        match self.end {
            End::Proven { n, .. } if n >= newest => format!("The end of the chain is proven: batch {n} is the one that was anchored, and the newest."),
            End::Proven { n, .. } => format!(
                "The chain is proven up to batch {n}; the {} after it {} signed by a known key, but no anchor given here holds {}.",
                plural((newest - n).unsigned_abs(), "batch"),
                if newest - n == 1 { "is" } else { "are" },
                if newest - n == 1 { "it" } else { "them" }
            ),
            End::NotProven => "End of chain not proven: without an anchor nobody can tell whether newer facts were cut off. Give --anchor FILE (anchors.jsonl of a server) or --head HEX (from a mail).".to_owned(),
        }
    }

    /// What programs read.
    #[must_use]
    pub fn json(&self) -> Value {
        let end = match &self.end {
            End::Proven { n, heads } => json!({"proven": true, "batch": n, "heads_compared": heads}),
            End::NotProven => json!({"proven": false}),
        };
        json!({
            "result": self.result(),
            "at": self.at.to_string(),
            "from_batch": self.from,
            "batches": self.batches,
            "facts": self.facts,
            "unsealed": self.unsealed,
            "plans_votes_work_lists": self.things,
            "head": self.head.map(|(n, hash)| json!({"n": n, "hash": hash})),
            "keys": self.keys.iter().map(|key| json!({"public_key": key.key, "first_batch": key.first, "last_batch": key.last})).collect::<Vec<_>>(),
            "end": end,
            "notes": self.notes,
            "flaw": self.flaw.as_ref().map(|flaw| json!({"code": flaw.code, "batch": flaw.batch, "fact": flaw.fact, "says": flaw.says})),
        })
    }
}

fn plural(count: u64, what: &str) -> String {
    match (count, what) {
        (1, _) => format!("1 {what}"),
        (_, "batch") => format!("{count} batches"),
        _ => format!("{count} {what}s"),
    }
}
