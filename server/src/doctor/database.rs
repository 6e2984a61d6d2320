//! What the state database says: roles and what they may do, the schema, the trail, workers, mail.

use std::time::Duration;

use engine::{
    Engine,
    checkup::{self, FORBIDDEN_TO_WEB, FORBIDDEN_TO_WORKER, RoleFound},
    cluster::{OLDEST_MAJOR, ServiceRole},
    notifier, vitals,
};

use super::{Finding, note, well, wrong};
use crate::{
    config::Settings,
    state::{self, State},
};

/// Decisions follow the state database's clock; further apart than this, times that people read look wrong.
const CLOCKS_APART: Duration = Duration::from_secs(2);
const CLOCKS_FAR_APART: Duration = Duration::from_mins(5);
/// A mail server that does not answer within this is taken for silent.
const MAIL_WITHIN: Duration = Duration::from_secs(20);

pub(super) async fn look(state: &State, settings: &Settings, findings: &mut Vec<Finding>) {
    let mut names = Vec::new();
    for (role, forbidden) in [(ServiceRole::Web, FORBIDDEN_TO_WEB), (ServiceRole::Worker, FORBIDDEN_TO_WORKER)] {
        match look_at_role(state, role, forbidden, findings).await {
            Ok(found) => names.push(found.name),
            Err(error) => findings.push(wrong(format!("The {role:?} process cannot reach the state database: {error:#}"))),
        }
    }
    if names.len() == 2 && names[0] == names[1] {
        findings.push(note(format!(
            "Web and worker share the role {}: a web process that is taken over may write what only a run may write. To separate them set DRYDOCK_WEB_DATABASE_URL and DRYDOCK_WORKER_DATABASE_URL, and run `drydock migrate`.",
            names[0]
        )));
    }
    // As the worker, whose role sees everything that is looked at here, its own folder's place in the trail included.
    let looked = async {
        let engine = Engine::connect(state.options(ServiceRole::Worker)?, 2).await?;
        installation(&engine, settings, findings).await;
        engine.pool().close().await;
        anyhow::Ok(())
    };
    if let Err(error) = looked.await {
        findings.push(wrong(format!("{error:#}")));
    }
}

async fn look_at_role(
    state: &State,
    role: ServiceRole,
    forbidden: &'static [(&'static str, &'static str)],
    findings: &mut Vec<Finding>,
) -> anyhow::Result<RoleFound> {
    let (found, mut db) = checkup::role(&state.options(role)?, engine::clock::Clock).await?;
    let major = found.server_version / 10_000;
    let name = &found.name;
    if major < i32::from(OLDEST_MAJOR) {
        findings.push(wrong(format!("The state database is PostgreSQL {major}; {OLDEST_MAJOR} or later is needed.")));
    }
    if found.superuser {
        findings.push(wrong(format!(
            "The {role:?} process connects as the superuser {name}: grants and guard triggers do not hold it back. Give it the role {}.",
            role.name()
        )));
    } else {
        findings.push(well(format!("The {role:?} process reaches PostgreSQL {major} as {name}.")));
    }
    if role == ServiceRole::Web {
        findings.push(clocks(&found));
    }
    if found.owner {
        findings.push(note(format!(
            "The {role:?} process owns the schema as {name}: grants do not hold it back, guard triggers do. Roles of their own for the services are stricter."
        )));
    } else if !found.superuser && engine::migrate::version(&mut db).await?.found > 0 {
        let allowed = checkup::may_do(&mut db, forbidden).await?;
        findings.push(if allowed.is_empty() {
            well(format!("{name} cannot {}: each was tried.", forbidden.iter().map(|(what, _)| *what).collect::<Vec<_>>().join(", ")))
        } else {
            note(format!(
                "{name} may {}, which the {role:?} process never needs: run `drydock migrate` to grant the rights anew, or give it a role of its own.",
                allowed.join(", ")
            ))
        });
    }
    Ok(found)
}

fn clocks(found: &RoleFound) -> Finding {
    let (theirs, ours) = found.clocks;
    let apart = theirs.duration_since(ours).unsigned_abs();
    let ms = apart.as_millis();
    if apart > CLOCKS_FAR_APART {
        let seconds = apart.as_secs();
        return wrong(format!("This machine's clock and the state database's are {seconds} s apart: set up time synchronisation on both."));
    }
    if apart > CLOCKS_APART {
        return note(format!("This machine's clock and the state database's are {ms} ms apart. Decisions follow the database's."));
    }
    well(format!("This machine's clock and the state database's are {ms} ms apart."))
}

async fn installation(engine: &Engine, settings: &Settings, findings: &mut Vec<Finding>) {
    if let Err(error) = state::refuse_other_schema(engine).await {
        let error = format!("{error:#}");
        let begin = error.chars().next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        findings.push(wrong(format!("{begin}{}.", error.chars().skip(1).collect::<String>())));
        return;
    }
    findings.push(well(format!("The schema suits this program (role suffix {:?}).", settings.role_suffix)));
    let folder = settings.data_dir.join("worker");
    if folder.is_dir() {
        let looked = match engine.pool().acquire().await {
            Ok(mut db) => checkup::worker_folder(&mut db, &folder).await,
            Err(error) => Err(vec![error.to_string()]),
        };
        match looked {
            Ok(sentences) => findings.extend(sentences.into_iter().map(well)),
            Err(sentences) => findings.extend(sentences.into_iter().map(wrong)),
        }
    }
    match vitals::load(engine.pool()).await {
        Ok(found) => judge(&found, findings),
        Err(error) => findings.push(wrong(format!("The figures of the installation cannot be read: {error}"))),
    }
    findings.push(mail(engine, settings).await);
}

fn judge(found: &vitals::Vitals, findings: &mut Vec<Finding>) {
    findings.push(if found.months_ahead >= vitals::LEAST_MONTHS_AHEAD {
        well(format!("The trail has partitions for {} months ahead.", found.months_ahead))
    } else {
        wrong(format!("The trail has partitions for {} months ahead only: start a worker, or run `drydock migrate`.", found.months_ahead))
    });
    let alive = found.workers_alive();
    findings.push(match (alive, found.workers.first()) {
        (0, None) => note("No worker has spoken within ten minutes: nothing runs, and no mail leaves, until one is started."),
        (0, Some(last)) => note(format!("No worker is there; {} spoke last, {:.0} s ago.", last.process, last.age_s)),
        (_, _) => {
            let age = found.workers.iter().map(|worker| worker.age_s).fold(f64::INFINITY, f64::min);
            well(format!("{alive} worker(s) are there; the last word is {age:.0} s old."))
        }
    });
    if alive > 0 && found.seal_lag_s > vitals::SEAL_LAG_MOST_S {
        findings.push(wrong(format!(
            "The oldest fact has waited {:.0} s for its seal: a transaction may be open for too long in the state database, or no worker seals. See the workers' logs.",
            found.seal_lag_s
        )));
    } else {
        findings.push(well(format!("The oldest fact without a seal is {:.0} s old.", found.seal_lag_s)));
    }
    for said in found.anchors.iter().filter(|said| said.state != "ok") {
        findings.push(wrong(format!("{}: {}", said.process, said.detail)));
    }
    for said in found.watchdogs.iter().filter(|said| said.age_s < vitals::SILENT_AFTER_S) {
        findings.push(match said.state.as_str() {
            "ok" => well(format!("The watchdog beside {} answers.", said.process)),
            _ => note(format!("{}: {}", said.process, said.detail)),
        });
    }
    if found.outbox.parked > 0 {
        findings.push(note(format!(
            "{} message(s) are parked: see the outbox page for the reasons, and send them again.",
            found.outbox.parked
        )));
    }
}

async fn mail(engine: &Engine, settings: &Settings) -> Finding {
    match tokio::time::timeout(MAIL_WITHIN, notifier::reach(engine.pool(), &settings.mail)).await {
        Ok(Ok(Ok(sentence))) => well(sentence),
        Ok(Ok(Err(sentence))) => note(format!("Mail: {sentence}")),
        Ok(Err(error)) => wrong(format!("Mail: {error}")),
        Err(_) => note(format!("Mail: the mail server did not answer within {} s.", MAIL_WITHIN.as_secs())),
    }
}
