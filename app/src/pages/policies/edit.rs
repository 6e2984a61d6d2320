//! The form of a policy: a fixed number of rows, so that it works without script.

use super::waiting::ChangeCard;
use crate::door;
use crate::parts::form::{Check, Field, Form, Group, Radios, Select};
use crate::parts::layout::{Card, Heading};
use domain::approval::form::{GroupNames, MOST_MIN, ROWS, RowNames, SECOND, STAGES, StageNames, filled};
use domain::approval::{Assurance, Policy, Scope};
use domain::backup::MOST_AGE_H;
use domain::procedure::{RiskClass, library};
use domain::rehearsal::{Demand, MAX_AGE_DAYS};
use domain::target::Environment;
use domain::view::policies::{Names, PolicyFormPage};
use engine::queries;
use leptos::prelude::*;
use std::collections::BTreeMap;

#[component]
pub fn PolicyNewPage() -> impl IntoView {
    let (engine, caller) = (door::engine(), door::caller());
    Suspend::new(async move {
        let answer = async { queries::policies::form(&engine, &caller?, None).await }.await;
        door::show(answer, |page| view! { <Page page/> }.into_any())
    })
}

#[component]
pub fn PolicyEditPage() -> impl IntoView {
    let (engine, caller, id) = (door::engine(), door::caller(), door::path_parameter("id"));
    Suspend::new(async move {
        let answer = async { queries::policies::form(&engine, &caller?, Some(id?)).await }.await;
        door::show(answer, |page| view! { <Page page/> }.into_any())
    })
}

#[component]
fn Page(page: PolicyFormPage) -> impl IntoView {
    let title = page.policy.as_ref().map_or_else(|| "Add a policy".to_owned(), |policy| format!("Change the policy “{}”", policy.name));
    let names = page.names;
    let body = match page.waiting {
        Some(change) => view! {
            <p class="message warn">"A change of it waits already. Let it be decided, or take it back, before you propose another one."</p>
            <ChangeCard change names/>
        }
        .into_any(),
        None => {
            let (action, version, rules, scope) = match page.policy {
                Some(policy) => (format!("/policies/{}", policy.id), Some(policy.version), policy.rules, policy.scope),
                None => ("/policies/new".to_owned(), None, Policy::standard(), Scope { precedence: 10, ..Scope::default() }),
            };
            view! { <PolicyForm action version rules scope names/> }.into_any()
        }
    };
    view! {
        <Heading title=title lead="It counts once others have agreed: the quorum of what rules now, given by people who sign in. Nobody lowers a bar alone."/>
        {body}
    }
}

type Filled = BTreeMap<&'static str, String>;

fn of(fields: &Filled, name: &str) -> String {
    fields.get(name).cloned().unwrap_or_default()
}

#[component]
fn PolicyForm(action: String, version: Option<i32>, rules: Policy, scope: Scope, names: Names) -> impl IntoView {
    let fields = filled(&rules, &scope, &names.addresses);
    let demand = rules.rehearsal.clone();
    let used = rules.rules.len().max(1) + 1;
    view! {
        <Card title="The policy">
            <Form action=action submit="Propose this version" cancel="/policies">
                <Identity version/>
                <ScopeFields fields=fields.clone() scope/>
                <h3>"Who must agree"</h3>
                <p class="hint">"All rules must be met, by different people; nobody who wrote a revision counts. Rules of stage 2 are asked once those of stage 1 are met, and so on."</p>
                <Rules used fields=fields.clone() names=names.clone()/>
                <Deadline fields=fields.clone() names=names.clone()/>
                <OwnTerms fields=fields.clone() names=names.clone()/>
                <Executor fields=fields.clone()/>
                <Beforehand fields=fields.clone()/>
                <RehearsalFields fields=fields.clone() demand/>
                <ProofFields fields=fields.clone()/>
            </Form>
        </Card>
    }
}

// Fields are made inside of their form: outside of it they would not know what was typed.
#[component]
fn Identity(version: Option<i32>) -> impl IntoView {
    match version {
        Some(version) => view! { <input type="hidden" name="version" value=version/> }.into_any(),
        None => view! { <Field name="name" label="Name" required=true hint="At most 80 characters." autocomplete="off"/> }.into_any(),
    }
}

/// The rules that are used and one more; the others are closed while nothing stands in them.
#[component]
fn Rules(used: usize, fields: Filled, names: Names) -> impl IntoView {
    let wrong = |row: &RowNames| {
        let of_row = [row.group.who, row.group.people, row.group.team, row.how, row.count, row.percent, row.stage, row.known, row.deny];
        door::field_errors().iter().any(|error| of_row.contains(&error.field.as_str()))
    };
    let typed = door::typed();
    let filled_row = |row: &RowNames| typed.as_ref().is_some_and(|typed| typed.get(row.group.who).is_some_and(|who| !who.is_empty()));
    let open = ROWS.iter().skip(used).any(|row| wrong(row) || filled_row(row));
    let row = |index: usize| view! { <RuleRow index fields=fields.clone() names=names.clone()/> };
    let first = (0..used.min(ROWS.len())).map(row).collect_view();
    let more = (used..ROWS.len()).map(row).collect_view();
    view! {
        {first}
        {(used < ROWS.len()).then(|| view! { <details open=open><summary>"More rules"</summary>{more}</details> })}
    }
}

/// The fields of "Only some of the windows there".
const INSIDE: [&str; 5] = ["tags", "procedures", "risks", "at_least_mib", "database_at_least_mib"];

#[component]
fn ScopeFields(fields: Filled, scope: Scope) -> impl IntoView {
    let environments = Environment::ALL
        .iter()
        .map(
            |one| view! { <Check name="environments" label=one.label() value=one.word() checked=scope.environments.contains(one.word())/> },
        )
        .collect_view();
    let procedures = library::all()
        .into_iter()
        .map(|one| {
            let checked = scope.procedures.contains(&one.key);
            view! { <Check name="procedures" label=one.name value=one.key checked=checked/> }
        })
        .collect_view();
    let risks = RiskClass::ALL
        .iter()
        .map(|one| view! { <Check name="risks" label=format!("{}: {}", one.word(), one.label()) value=one.word() checked=scope.risks.contains(one)/> })
        .collect_view();
    // Open where something stands inside: of the policy, or typed and refused.
    let bare = Scope { environments: scope.environments.clone(), precedence: scope.precedence, ..Scope::default() };
    let typed = door::typed();
    let filled = |name: &&str| typed.as_ref().and_then(|typed| typed.get(name)).is_some_and(|value| !value.trim().is_empty());
    let wrong = |name: &&str| door::field_errors().iter().any(|error| error.field == **name);
    let narrow = scope != bare || INSIDE.iter().any(filled) || INSIDE.iter().any(wrong);
    view! {
        <Group legend="What it rules: environments" name="environments" hint="Without any it rules nothing, and is switched off.">{environments}</Group>
        <Field name="precedence" label="Precedence" kind="number" mode="numeric" required=true value=of(&fields, "precedence")
            hint="0 to 100. Where several policies fit, the highest rules. Two policies of one environment never have the same."/>
        <details open=narrow>
            <summary>"Only some of the windows there"</summary>
            <Field name="tags" label="Only databases with one of these tags" value=of(&fields, "tags") hint="Separated by commas. Administrators give tags on the page of a database." autocomplete="off"/>
            <Group legend="Only these procedures" name="procedures" hint="None ticked: all. Your own procedures are ruled as those of the library whose work they do.">{procedures}</Group>
            <Group legend="Only these risk classes" name="risks" hint="None ticked: all.">{risks}</Group>
            <Field name="at_least_mib" label="Only plans that may touch at least so much data, MiB" kind="number" mode="numeric" value=of(&fields, "at_least_mib")
                hint="Compared with the limit in the plan: what is measured at the start stays inside it."/>
            <Field name="database_at_least_mib" label="Only databases that hold at least so much, MiB" kind="number" mode="numeric" value=of(&fields, "database_at_least_mib")
                hint="As it was last measured: every ten minutes, and by each connection test. A database that nobody could measure counts as large."/>
        </details>
    }
}

fn options(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned())).collect()
}

#[component]
fn GroupFields(of_whom: GroupNames, fields: Filled, names: Names, nobody: &'static str) -> impl IntoView {
    let who = options(&[
        ("", nobody),
        ("stakeholder", "Stakeholders of the database"),
        ("lead", "Leads and deputies of the owner team"),
        ("engineer", "Engineers of the owner team"),
        ("people", "Named people"),
        ("team", "Leads and deputies of another team"),
    ]);
    let mut teams = options(&[("", "Choose")]);
    teams.extend(names.teams.iter().map(|(id, name)| (id.to_string(), name.clone())));
    view! {
        <div class="row">
            <Select name=of_whom.who label="Who" value=of(&fields, of_whom.who) options=who/>
            <Field name=of_whom.people label="Addresses of named people" value=of(&fields, of_whom.people) autocomplete="off"/>
            <Select name=of_whom.team label="Another team" value=of(&fields, of_whom.team) options=teams/>
        </div>
    }
}

#[component]
fn RuleRow(index: usize, fields: Filled, names: Names) -> impl IntoView {
    let row = ROWS[index];
    let known = Assurance::ALL.iter().map(|one| (one.word().to_owned(), one.label().to_owned())).collect();
    let or = |name: &str, usual: &str| fields.get(name).cloned().unwrap_or_else(|| usual.to_owned());
    let (how, count, stage) = (or(row.how, "number"), or(row.count, "1"), or(row.stage, "1"));
    let known_now = or(row.known, Assurance::Link.word());
    let how_many = options(&[("number", "a number"), ("percent", "a share"), ("all", "all of them")]);
    let stages = (1..=ROWS.len()).map(|stage| (stage.to_string(), stage.to_string())).collect();
    view! {
        <Group legend=format!("Rule {}", index + 1)>
            <GroupFields of_whom=row.group fields=fields.clone() names nobody="Nobody: not used"/>
            <div class="row">
                <Select name=row.how label="How many" value=how options=how_many/>
                <Field name=row.count label="Number, or at least" kind="number" mode="numeric" value=count/>
                <Field name=row.percent label="Share, %" kind="number" mode="numeric" value=of(&fields, row.percent)/>
            </div>
            <div class="row">
                <Select name=row.stage label="Stage" value=stage options=stages/>
                <Select name=row.known label="Known at least" value=known_now options=known/>
                <Field name=row.deny label="Rejections among them that end it" kind="number" mode="numeric" value=of(&fields, row.deny)/>
            </div>
        </Group>
    }
}

#[component]
fn Deadline(fields: Filled, names: Names) -> impl IntoView {
    let within = of(&fields, "escalation_within_min");
    view! {
        <h3>"Until when, and what then"</h3>
        <div class="row">
            <Field name="deny_threshold" label="Rejections that end a window" kind="number" mode="numeric" required=true value=of(&fields, "deny_threshold")/>
            <Field name="decide_before_start_min" label="Quorum stands, minutes before the latest start" kind="number" mode="numeric" required=true
                hint=format!("0 to {MOST_MIN} (two weeks).") value=of(&fields, "decide_before_start_min")/>
            <Field name="remind_every_min" label="Ask again after, minutes" kind="number" mode="numeric" required=true hint="0 is never; otherwise 60 or more."
                value=of(&fields, "remind_every_min")/>
        </div>
        <Radios name="deadline" legend="Without quorum in time" value=of(&fields, "deadline") options=ways()/>
        <Group legend="Who is asked too" hint="Only if others are asked at the deadline.">
            <GroupFields of_whom=SECOND fields=fields.clone() names nobody="Nobody"/>
            <Field name="escalation_within_min" label="Time they have, minutes" kind="number" mode="numeric" value=within
                hint="15 or more, and at most as long as the quorum must stand before the latest start."/>
        </Group>
    }
}

/// What happens at a deadline.
fn ways() -> Vec<(String, String, String)> {
    [
        ("expire", "It expires", "Nothing runs."),
        ("escalate", "Others are asked too", "They may take any seat that is still free. Nothing ever passes by itself."),
    ]
    .map(|(value, label, follows)| (value.to_owned(), label.to_owned(), follows.to_owned()))
    .to_vec()
}

/// Terms of single stages, closed where none has its own.
#[component]
fn OwnTerms(fields: Filled, names: Names) -> impl IntoView {
    let used = |stage: &StageNames| {
        let of_stage = [stage.before, stage.remind, stage.deadline, stage.within, stage.second.who, stage.second.people, stage.second.team];
        let typed = door::typed().and_then(|typed| typed.get(stage.before).map(str::to_owned));
        fields.contains_key(stage.before)
            || typed.is_some_and(|before| !before.is_empty())
            || door::field_errors().iter().any(|error| of_stage.contains(&error.field.as_str()))
    };
    let open = STAGES.iter().any(used);
    let stages = STAGES
        .iter()
        .enumerate()
        .map(|(index, stage)| {
            let deadline = fields.get(stage.deadline).cloned().unwrap_or_else(|| "expire".to_owned());
            let (names, fields) = (names.clone(), fields.clone());
            view! {
                <details open=used(stage)>
                    <summary>"Stage "{index + 1}</summary>
                    <Group legend=format!("Stage {} has its own terms", index + 1)>
                        <div class="row">
                            <Field name=stage.before label="Met, minutes before the latest start" kind="number" mode="numeric" value=of(&fields, stage.before)
                                hint="Empty: as said above for all."/>
                            <Field name=stage.remind label="Ask again after, minutes" kind="number" mode="numeric" value=of(&fields, stage.remind) hint="0 is never; otherwise 60 or more."/>
                        </div>
                        <Radios name=stage.deadline legend="Not met in time" value=deadline options=ways()/>
                        <GroupFields of_whom=stage.second fields=fields.clone() names nobody="Nobody"/>
                        <Field name=stage.within label="Time they have, minutes" kind="number" mode="numeric" value=of(&fields, stage.within) hint="Only if others are asked: 15 or more."/>
                    </Group>
                </details>
            }
        })
        .collect_view();
    view! {
        <details open=open>
            <summary>"Stages with terms of their own"</summary>
            <p class="hint">"A stage is decided at least as long before the start as the stage that waits for it, and ends no later."</p>
            {stages}
        </details>
    }
}

/// What has to have run before a window may be proposed.
#[component]
fn RehearsalFields(fields: Filled, demand: Option<Demand>) -> impl IntoView {
    let needed = options(&[("", "Not demanded"), ("needed", "Demanded: a window needs a rehearsal")]);
    let chosen = demand.as_ref().map(|demand| demand.environments.clone()).unwrap_or_default();
    let environments = Environment::ALL
        .iter()
        .filter(|one| **one != Environment::Production)
        .map(|one| view! { <Check name="rehearsal_environments" label=one.label() value=one.word() checked=chosen.contains(one)/> })
        .collect_view();
    let now = of(&fields, "rehearsal");
    let days = fields.get("rehearsal_max_age_days").cloned().unwrap_or_else(|| "14".to_owned());
    view! {
        <h3>"Rehearsal"</h3>
        <Select name="rehearsal" label="Before such a window" value=now options=needed
            hint="The same procedure with the same thresholds, run clean on another, lower database of the same team. Its figures are sealed into the plan, and whoever approves sees them. A lower database in an earlier wave of the same window counts."/>
        <Group legend="Where it has to run" name="rehearsal_environments" hint="None ticked: anywhere lower than the database itself.">{environments}</Group>
        <Field name="rehearsal_max_age_days" label="Ended at most so many days before the start" kind="number" mode="numeric" value=days
            hint=format!("1 to {MAX_AGE_DAYS}. Only if it is demanded.")/>
    }
}

#[component]
fn ProofFields(fields: Filled) -> impl IntoView {
    let value = of(&fields, "proof_max_age_hours");
    view! {
        <h3>"Backup"</h3>
        <Field name="proof_max_age_hours" label="A worker restored a backup that is at most so many hours old" mode="numeric" value=value
            hint=format!("1 to {MOST_AGE_H}. Empty: it is enough that somebody of the team vouches for one. A worker with a folder of backups restores the newest one when somebody asks on the database's page.")/>
    }
}

#[component]
fn Executor(fields: Filled) -> impl IntoView {
    let checked = !of(&fields, "separate_executor").is_empty();
    view! {
        <Check name="separate_executor" label="Whoever approves does not execute" checked=checked
            hint="An approver neither starts the run by hand nor lets it go on after a hold. Stopping and holding stay open to everybody who may, and the schedule starts windows as before."/>
    }
}

#[component]
fn Beforehand(fields: Filled) -> impl IntoView {
    let classes =
        options(&[("", "None: people decide on everything"), ("R0", "R0: reads only"), ("R1", "R0 and R1: online, in nobody's way")]);
    let beforehand = of(&fields, "pre_approved");
    view! {
        <Select name="pre_approved" label="Approved beforehand, without any vote" value=beforehand options=classes
            hint="Every such window says so on its page, in its mail and in the trail."/>
    }
}
