//! Which statements are one unit: those between two that must stand alone share a transaction, all of it or nothing.

use super::settings::RELOAD;
use super::{Lock, OldRows, ServerSetting, Statement};
use crate::procedure::quote;
use crate::procedure::{ObjectName, RiskClass, StepClass};
use serde::{Deserialize, Serialize};

/// The first part of a script's name, where the objects of other items have their schema.
pub const SCRIPT_SCHEMA: &str = "change";

/// One unit of a change: a transaction of several statements, or one statement that stands alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// `change.statements_1_to_3` or `change.statement_4`: which of the change's statements, counted from 1.
    pub name: ObjectName,
    /// What is sent, in its order.
    pub texts: Vec<String>,
    /// Who sends it, as the catalog spells the role; `None` is the one that signs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// It is one statement that PostgreSQL refuses inside of a transaction.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
    /// It stands alone and takes a lock that keeps reads or writes waiting.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blocks: bool,
    /// The strongest lock, in words.
    pub lock: String,
    /// The worst class of its statements.
    pub risk: RiskClass,
    /// The index that a statement on its own makes or drops: looking at it tells whether it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<IndexScript>,
    /// The setting of the server that is written, and then read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<ServerSetting>,
    /// The rule about old rows: its texts are one batch, which is sent again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_rows: Option<OldRows>,
}

/// An index that a statement makes or drops concurrently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexScript {
    /// Its name as written, with its schema where the statement says one.
    pub name: String,
    /// It is dropped, not made.
    pub drops: bool,
}

impl Script {
    /// What may be done again after a crash: a transaction tells by its id what became of it, an index, a setting or old rows by looking at them;
    /// nothing else does.
    #[must_use]
    pub fn class(&self) -> StepClass {
        let tells = self.index.is_some() || self.setting.is_some() || self.old_rows.is_some();
        if self.alone && !tells { StepClass::Once } else { StepClass::Resumable }
    }
    /// Whether it keeps others waiting while it stands alone, so that it waits for its lock as briefly as a transaction does.
    #[must_use]
    pub fn is_blocking(&self) -> bool {
        !self.alone || self.blocks || self.old_rows.is_some()
    }
    /// What it may leave behind when it is cut short.
    #[must_use]
    pub fn debris(&self) -> Option<&'static str> {
        self.index
            .as_ref()
            .map(|index| if index.drops { "the same index, invalid: the drop is repeated" } else { "the unfinished index, invalid" })
    }
    /// The statement that becomes another role: for the transaction, or for the session of a statement that stands alone.
    #[must_use]
    pub fn becomes(&self) -> Option<String> {
        let role = quote::identifier(self.role.as_ref()?).ok()?;
        Some(if self.alone { format!("SET ROLE {role}") } else { format!("SET LOCAL ROLE {role}") })
    }
    /// What is sent, for reading: with the transaction around it.
    #[must_use]
    pub fn statement(&self) -> String {
        let body = self.becomes().iter().chain(&self.texts).map(|text| format!("{text};\n")).collect::<String>();
        if self.alone && self.old_rows.is_none() { body.trim_end().to_owned() } else { format!("BEGIN;\n{body}COMMIT;") }
    }
    /// What gives a setting back the value that was seen before it was changed; `nth` counts the parts of the way back from 1.
    #[must_use]
    pub fn gives_back(setting: &ServerSetting, before: &super::SettingState, nth: usize) -> Option<Self> {
        let setting = setting.back(before);
        Some(Self {
            name: ObjectName::new(super::BACK_SCHEMA, format!("statement_{nth}")).ok()?,
            texts: vec![setting.statement(), RELOAD.to_owned()],
            role: None,
            alone: true,
            blocks: false,
            lock: Lock::None.label().to_owned(),
            risk: setting.risk(),
            index: None,
            setting: Some(setting),
            old_rows: None,
        })
    }
}

/// The units of these statements, in their order; `schema` is the first part of their names.
#[must_use]
pub fn scripts(schema: &str, role: Option<&String>, statements: &[Statement]) -> Vec<Script> {
    let mut units: Vec<Vec<(usize, &Statement)>> = Vec::new();
    for numbered in statements.iter().enumerate() {
        let joins = |unit: &Vec<(usize, &Statement)>| unit.last().is_some_and(|(_, last)| !last.reading.alone);
        match units.last_mut() {
            Some(unit) if !numbered.1.reading.alone && joins(unit) => unit.push(numbered),
            _ => units.push(vec![numbered]),
        }
    }
    units.iter().filter_map(|unit| script(schema, role, unit)).collect()
}

fn script(schema: &str, role: Option<&String>, unit: &[(usize, &Statement)]) -> Option<Script> {
    let ((first, one), (last, _)) = (unit.first()?, unit.last()?);
    let (first_number, last_number) = (first + 1, last + 1);
    let name = if first == last { format!("statement_{first_number}") } else { format!("statements_{first_number}_to_{last_number}") };
    let strongest = unit.iter().map(|(_, statement)| &statement.reading).max_by_key(|reading| (reading.lock, reading.length))?;
    let held = if unit.len() > 1 && strongest.lock > Lock::RowExclusive { ", until all of them are done" } else { "" };
    let setting = one.reading.setting.clone();
    let old_rows = one.reading.old_rows.clone();
    let before = old_rows.iter().map(OldRows::lock);
    let texts = before.chain(unit.iter().map(|(_, statement)| statement.text.clone())).chain(setting.iter().map(|_| RELOAD.to_owned()));
    let texts = texts.collect();
    Some(Script {
        name: ObjectName::new(schema, name).ok()?,
        texts,
        setting,
        old_rows,
        role: role.cloned(),
        alone: one.reading.alone,
        blocks: one.reading.alone && strongest.lock > Lock::ShareUpdateExclusive,
        lock: format!("{}{held}", strongest.lock_in_words()),
        risk: unit.iter().map(|(_, statement)| statement.reading.risk()).max()?,
        index: one
            .reading
            .index
            .clone()
            .filter(|_| one.reading.alone)
            .map(|name| IndexScript { name, drops: one.reading.command.starts_with("DROP") }),
    })
}
