//! The pages that lead to a proposal or a new revision: choose a database, say what and when, look, seal.

use super::beside::Beside;
use super::page::RevisionDiff;
use super::{Change, Overlap, Preview, blocked};
use crate::approval::{Assurance, Electorate, Roll, Rule, count};
use crate::decision::FieldError;
use crate::freeze::Freeze;
use crate::glass::Raised;
use crate::ids::PersonId;
use crate::plan::PlanPolicy;
use crate::procedure::text::plural;
use crate::procedure::{Procedure, RiskClass, Shelf};
use crate::proposal::ProposalForm;
use crate::proposal::several::Several;
use crate::rehearsal::{Demand, Rehearsal};
use crate::schedule::Times;
use crate::schedule::slots::Slot;
use crate::window::WindowState;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A database that windows can be proposed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposable {
    /// Short name.
    pub short_name: String,
    /// Name.
    pub name: String,
    /// Environment word.
    pub environment: String,
    /// Host, port and database in one line.
    pub place: String,
    /// Owner team's name.
    pub team: String,
    /// Its connection test has passed.
    pub ready: bool,
    /// Words by which several are chosen.
    pub tags: Vec<String>,
    /// When an approved window takes it next.
    pub next_start: Option<Timestamp>,
}

/// Another database of the same team, which the window may be about too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Short name.
    pub short_name: String,
    /// Name.
    pub name: String,
    /// Environment word.
    pub environment: String,
    /// Words by which several are chosen.
    pub tags: Vec<String>,
}

/// Several databases of a team with a tag in common, as their first short name leads to a form about all of them.
#[must_use]
pub fn by_tag(databases: &[Proposable]) -> Vec<(String, String, Vec<String>)> {
    let mut found: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for database in databases.iter().filter(|database| database.ready) {
        for tag in &database.tags {
            found.entry((&database.team, tag)).or_default().push(database.short_name.clone());
        }
    }
    let several = found.into_iter().filter(|(_, names)| names.len() > 1);
    several.map(|((team, tag), names)| (team.to_owned(), tag.to_owned(), names)).collect()
}

/// The database a form is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Short name.
    pub short_name: String,
    /// Name.
    pub name: String,
    /// Environment word.
    pub environment: String,
    /// IANA zone its times are typed in.
    pub zone: String,
    /// Its connection test has passed.
    pub ready: bool,
    /// When it may be maintained, by its zone's clock; empty is always.
    pub hours: String,
}

/// One demand of the policy, with the people who can meet it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedGroup {
    /// The rule.
    pub rule: Rule,
    /// How many people it asks for.
    pub need: usize,
    /// Who they are today, without whoever wrote a revision.
    pub people: Vec<String>,
}

/// Who must approve, computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvers {
    /// Short names of the databases that ask so, where there are several.
    pub on: Vec<String>,
    /// Name of the policy that rules the environment.
    pub policy: String,
    /// The rehearsal it demands, as half a sentence.
    pub rehearsal: Option<String>,
    /// Why it asks for more than it says: a review is overdue.
    pub raised: Option<String>,
    /// Its demands.
    pub groups: Vec<AskedGroup>,
    /// Who is asked too when a stage is not met in time, by stage.
    pub seconds: Vec<(u32, Vec<String>)>,
    /// Nobody is asked: the policy approves this class beforehand.
    pub pre_approved: bool,
    /// False when nobody could ever approve: too few different people.
    pub reachable: bool,
}

impl Approvers {
    /// Whether its demands are met one after another.
    #[must_use]
    pub fn is_staged(&self) -> bool {
        self.groups.iter().any(|group| group.rule.stage > 0)
    }
    /// The people who are asked at once: those of the earliest stage.
    pub fn first_asked(&self) -> impl Iterator<Item = &String> {
        let first = self.groups.iter().map(|group| group.rule.stage).min();
        self.groups.iter().filter(move |group| Some(group.rule.stage) == first).flat_map(|group| &group.people)
    }
    /// What each group's demand says; stages are named where there are several.
    pub fn demands(&self) -> impl Iterator<Item = String> {
        let staged = self.is_staged();
        self.groups.iter().map(move |group| demand(group, staged))
    }
    /// Who must approve a plan of this class whose authors are `authors`.
    #[must_use]
    pub fn of(
        policy: &PlanPolicy,
        risk: RiskClass,
        people: &Electorate,
        authors: &BTreeSet<PersonId>,
        names: &BTreeMap<PersonId, String>,
    ) -> Self {
        let rules = &policy.rules;
        let roll = Roll::fresh(rules, people, authors);
        let standing = count(rules, &roll, &[]);
        let called = |person: &PersonId| names.get(person).cloned().unwrap_or_else(|| "somebody unknown".to_owned());
        let present = |key: &str| roll.present.get(key).into_iter().flatten().map(called).collect::<Vec<_>>();
        Self {
            on: vec![],
            policy: policy.name.clone(),
            rehearsal: rules.rehearsal.as_ref().map(Demand::said),
            raised: policy.raised.as_ref().map(Raised::said),
            groups: standing
                .rules
                .iter()
                .map(|rule| AskedGroup { rule: rule.rule.clone(), need: rule.need, people: present(&rule.rule.key) })
                .collect(),
            seconds: roll.seconds(rules).into_iter().map(|(stage, people)| (stage, people.iter().map(called).collect())).collect(),
            pre_approved: rules.pre_approves(risk),
            reachable: standing.reachable,
        }
    }
}

/// The window a form edits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditOf {
    /// Its number.
    pub number: i64,
    /// Its title.
    pub title: String,
    /// Its state.
    pub state: WindowState,
    /// Its newest revision.
    pub revision: i32,
    /// The revision the person's form began from.
    pub expected: i32,
    /// Votes that would be lost.
    pub votes: usize,
    /// What somebody else changed since: the form must not be sealed over it unseen.
    pub meanwhile: Option<RevisionDiff>,
    /// What this form would change of the newest revision.
    pub changes: Vec<Change>,
}

/// The form page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormPage {
    /// About which database.
    pub database: Database,
    /// What the fields hold before anything is typed.
    pub form: ProposalForm,
    /// The procedures that can be chosen.
    pub shelf: Shelf,
    /// Other databases that it may be about too.
    pub candidates: Vec<Candidate>,
    /// Who must approve: for each database, those that ask alike together.
    pub approvers: Vec<Approvers>,
    /// Windows that take the database in the next 60 days.
    pub taken: Vec<Overlap>,
    /// Freezes over the database in the next 60 days.
    pub freezes: Vec<Freeze>,
    /// Windows on other databases of the same server in that time.
    pub beside: Vec<Beside>,
    /// The window that is edited; `None` for a new one.
    pub edit: Option<EditOf>,
    /// The window whose words and limits were taken over; `None` for a form from scratch.
    pub again: Option<Again>,
    /// Now.
    pub now: Timestamp,
}

/// The window that is proposed once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// Its number.
    pub number: i64,
    /// Its title.
    pub title: String,
    /// The time that was filled in is free; otherwise every one looked at is taken.
    pub free: bool,
}

/// The page that moves a window: its times change, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovePage {
    /// About which database.
    pub database: Database,
    /// The window, with the votes that would be lost.
    pub edit: EditOf,
    /// Its times now.
    pub from: (Timestamp, Timestamp),
    /// Date, time and fold before anything is typed.
    pub form: ProposalForm,
    /// The same time of day on the next days, where the database is free.
    pub slots: Vec<Slot>,
    /// Quieter hours, where there are none of those or only busy ones.
    pub other_hours: Vec<Slot>,
    /// Windows that take the database in the next 60 days.
    pub taken: Vec<Overlap>,
    /// Freezes over the database in the next 60 days.
    pub freezes: Vec<Freeze>,
    /// Windows on other databases of the same server in that time.
    pub beside: Vec<Beside>,
    /// Who is asked again.
    pub approvers: Vec<Approvers>,
    /// Now.
    pub now: Timestamp,
}

/// How far a worker's look at the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// Not there yet; asked at this time.
    Waiting(Timestamp),
    /// No answer, and why.
    Failed(String),
    /// What would be done.
    Found(Box<Preview>),
}

/// The page that shows everything once more before it is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealPage {
    /// About which database.
    pub database: Database,
    /// The form as typed.
    pub form: ProposalForm,
    /// The title people will see.
    pub title: String,
    /// The procedure; `None` where it counts no more.
    pub procedure: Option<Procedure>,
    /// The other databases of several, each with what a worker found there.
    pub more: Vec<(Database, Look)>,
    /// The change of design, where it is one that can be read.
    pub change: Option<crate::change::Change>,
    /// In which order, where there are several.
    pub order: Option<Several>,
    /// Databases of one wave that share a server.
    pub same_server: Vec<(String, String)>,
    /// The instants it means, or what is wrong with the form by now.
    pub times: Result<Times, Vec<FieldError>>,
    /// The run that would be sealed as its rehearsal, or what is wrong with that.
    pub rehearsal: Result<Option<Rehearsal>, Vec<FieldError>>,
    /// Who must approve: for each database, those that ask alike together.
    pub approvers: Vec<Approvers>,
    /// Windows at the same time.
    pub overlaps: Vec<Overlap>,
    /// Freezes over that time.
    pub freezes: Vec<Freeze>,
    /// Windows on other databases of the same server at that time.
    pub beside: Vec<Beside>,
    /// What a worker found.
    pub look: Look,
    /// The window that is edited; `None` for a new one.
    pub edit: Option<EditOf>,
    /// Now.
    pub now: Timestamp,
}

impl SealPage {
    /// Why it cannot be sealed as it is; empty when it can.
    #[must_use]
    pub fn obstacles(&self) -> Vec<String> {
        let wrong = self.times.as_ref().err().into_iter().chain(self.rehearsal.as_ref().err());
        let mut found: Vec<String> = wrong.flatten().map(|error| error.message.clone()).collect();
        for other in self.overlaps.iter().filter(|other| other.state.is_live()) {
            let on = other.on.as_deref().unwrap_or("the database");
            found.push(format!("Window #{} ({}) takes {on} at the same time and is approved.", other.number, other.title));
        }
        found.extend(self.freezes.iter().map(Freeze::in_the_way));
        for unreachable in self.approvers.iter().filter(|approvers| !approvers.reachable) {
            let on = if unreachable.on.is_empty() { String::new() } else { format!("{}: ", unreachable.on.join(", ")) };
            found.push(format!("{on}Nobody could ever approve it: the policy needs more different people than there are. Name more stakeholders of the database, or a deputy in the team."));
        }
        for database in
            std::iter::once(&self.database).chain(self.more.iter().map(|(database, _)| database)).filter(|database| !database.ready)
        {
            let which = if self.more.is_empty() { "The database".to_owned() } else { database.short_name.clone() };
            found.push(format!("{which} has not passed its connection test. Open its page and run the test."));
        }
        // What the form names and is not here cannot be planned together with the first one.
        let known = |name: &str| name == self.database.short_name || self.more.iter().any(|(database, _)| database.short_name == name);
        for lost in self.order.iter().flat_map(|order| order.waves.iter().flatten()).filter(|name| !known(name)) {
            found.push(format!(
                "{lost} cannot be in this window: it is not there, or belongs to another team, or is another kind of server. Leave it out."
            ));
        }
        found
    }

    /// What sealing leads to: how many people are asked at once, each counted once; later stages are asked when the one before is met.
    #[must_use]
    pub fn asked(&self) -> String {
        let asking = || self.approvers.iter().filter(|approvers| !approvers.pre_approved);
        if asking().next().is_none() {
            return "Its policy approves it beforehand: nobody is asked, and it starts by itself at its time.".to_owned();
        }
        let people: BTreeSet<&String> = asking().flat_map(Approvers::first_asked).collect();
        let people = plural(people.len() as u64, "person is", "people are");
        let later = if asking().any(Approvers::is_staged) { " Those of later stages follow, once the stage before is met." } else { "" };
        format!("{people} asked for their decision by mail, each with a personal link.{later}")
    }

    /// Every look, the first database's first, with the name where there are several.
    pub fn looks(&self) -> impl Iterator<Item = (Option<&str>, &Look)> {
        let first = (!self.more.is_empty()).then_some(self.database.short_name.as_str());
        std::iter::once((first, &self.look)).chain(self.more.iter().map(|(database, look)| (Some(database.short_name.as_str()), look)))
    }
}

/// What the chosen times mean, while somebody chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimesCheck {
    /// Start and end, or what is wrong with them.
    pub times: Result<(Timestamp, Timestamp), Vec<FieldError>>,
    /// Windows at the same time.
    pub overlaps: Vec<Overlap>,
    /// Freezes over that time.
    pub freezes: Vec<Freeze>,
    /// Windows on other databases of the same server at that time.
    pub beside: Vec<Beside>,
    /// Databases that are not maintained at that time, by short name, with their hours.
    pub outside: Vec<(String, String)>,
    /// Free times instead, as a sentence, where it is taken, frozen or out of hours.
    pub free: Option<String>,
}

/// What a group's demand says: `1 of the stakeholders of the database: Ana or Ben`.
#[must_use]
fn demand(asked: &AskedGroup, staged: bool) -> String {
    let who = match asked.people.as_slice() {
        [] => "nobody who could".to_owned(),
        people => blocked::either(people),
    };
    let known = match asked.rule.assurance {
        Assurance::Link => String::new(),
        assurance => format!(", {}", assurance.label()),
    };
    let need = if asked.rule.percent == 100 { format!("all {}", asked.need) } else { asked.need.to_string() };
    let stage = if staged { format!("Stage {}: ", asked.rule.stage + 1) } else { String::new() };
    format!("{stage}{need} of the {}{known}: {who}", asked.rule.group.label())
}

/// Who is asked too at a deadline, in words; a stage is named where there are several.
#[must_use]
pub fn also_asked(seconds: &[(u32, Vec<String>)]) -> Option<String> {
    let said = |people: &[String]| blocked::either(people);
    match seconds {
        [] => None,
        [(_, first), rest @ ..] if rest.iter().all(|(_, people)| people == first) => Some(said(first)),
        several => {
            Some(several.iter().map(|(stage, people)| format!("in stage {} {}", stage + 1, said(people))).collect::<Vec<_>>().join("; "))
        }
    }
}

/// What a form changes of another, as people read it.
#[must_use]
pub fn form_changes(before: &ProposalForm, after: &ProposalForm) -> Vec<Change> {
    let value = |form: &ProposalForm| {
        let mut form = form.clone();
        form.parameters.retain(|_, value| !value.trim().is_empty());
        serde_json::to_value(form).unwrap_or_default()
    };
    let mut found = super::changes(&value(before), &value(after));
    // An absent line reads better than an empty one.
    for text in found.iter_mut().flat_map(|change| [&mut change.before, &mut change.after]) {
        text.take_if(|text| text.trim().is_empty());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::{Group, Policy};
    use crate::canonical;
    use crate::ids::PolicyId;
    use uuid::Uuid;

    #[test]
    fn authors_are_never_asked_and_too_few_people_are_noticed() {
        let person = |n: u128| PersonId(Uuid::from_u128(n));
        let names = [(person(1), "Ana".to_owned()), (person(2), "Ben".to_owned())].into();
        let people = Electorate {
            groups: BTreeMap::from([
                (Group::Stakeholders, BTreeSet::from([person(1), person(2)])),
                (Group::LeadsAndDeputies, BTreeSet::from([person(2)])),
            ]),
            ..Electorate::default()
        };
        let rules = Policy::standard();
        let policy = PlanPolicy {
            id: PolicyId(Uuid::from_u128(9)),
            version: 1,
            name: "standard".into(),
            digest: canonical::digest("policy", b""),
            rules,
            raised: None,
        };
        let of = |authors: &BTreeSet<PersonId>| Approvers::of(&policy, RiskClass::R1, &people, authors, &names);
        let both = of(&BTreeSet::new());
        assert!(both.reachable && !both.pre_approved);
        assert_eq!(demand(&both.groups[0], false), "1 of the stakeholders of the database: Ana or Ben");
        assert_eq!(both.first_asked().collect::<BTreeSet<_>>().len(), 2);
        let mut staged = both.clone();
        staged.groups[1].rule.stage = 1;
        assert_eq!(staged.first_asked().collect::<Vec<_>>(), ["Ana", "Ben"], "the second stage is asked later");
        let said: Vec<String> = staged.demands().map(|said| said.chars().take(8).collect()).collect();
        assert_eq!(said, ["Stage 1:", "Stage 2:"]);
        let one = of(&BTreeSet::from([person(2)]));
        assert!(!one.reachable);
        assert_eq!(demand(&one.groups[1], false), "1 of the leads and deputies of the owner team: nobody who could");
    }

    #[test]
    fn a_blank_threshold_is_no_change() {
        let before = ProposalForm::blank();
        let mut after = ProposalForm { duration_min: "180".into(), reason: "more".into(), ..ProposalForm::blank() };
        after.parameters.insert("vacuum_min_dead_rows".into(), " ".into());
        let found = form_changes(&before, &after);
        assert_eq!(found.iter().map(|change| change.place.as_str()).collect::<Vec<_>>(), ["duration min", "reason"]);
        assert_eq!(found[1].before, None);
    }
}
