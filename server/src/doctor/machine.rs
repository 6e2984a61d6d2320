//! What lies on this machine: the site, the server programs, the data folder, the time zone data.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use engine::{checkup, cluster::Programs};

use super::{Finding, note, well, wrong};
use crate::{
    config::{Environment, Settings},
    embedded::Site,
};

/// With less free space than this the private cluster, or an anchor, may not be written any more.
const LEAST_FREE: u64 = 1 << 30;
/// With less than this it is time to look.
const LITTLE_FREE: u64 = 5 << 30;

pub(super) fn look(settings: &Settings, environment: &Environment) -> Vec<Finding> {
    let mut findings = vec![match Site::find(settings, environment) {
        Ok(_) => well("The built site is complete."),
        Err(error) => wrong(error.to_string()),
    }];
    if !settings.database.is_external() {
        findings.push(match Programs::newest(&settings.program_folders) {
            Some(programs) => well(format!("PostgreSQL {} server programs are installed for the private cluster.", programs.major)),
            None => wrong(engine::cluster::ClusterError::NoPrograms.to_string()),
        });
    }
    findings.push(dump(&engine::cluster::dump_majors(&settings.program_folders)));
    findings.extend(settings.backups_dir.as_deref().map(|folder| backups(folder, &settings.program_folders)));
    findings.extend(data_folder(settings));
    findings.push(well(format!("Time zones are those of tzdata {}.", checkup::zone_data())));
    findings
}

/// What a worker on this machine tries changes of design with.
fn dump(majors: &BTreeSet<u16>) -> Finding {
    let majors: Vec<String> = majors.iter().map(u16::to_string).collect();
    if majors.is_empty() {
        return note(
            "pg_dump is not installed here: a worker on this machine cannot try changes of design on an empty copy. Install the package postgresql-client of your servers' version, if their databases allow it.",
        );
    }
    well(format!("pg_dump of PostgreSQL {} is installed: changes of design can be tried on an empty copy there.", majors.join(", ")))
}

/// What a worker on this machine proves backups with.
fn backups(folder: &Path, program_folders: &[PathBuf]) -> Finding {
    if let Err(error) = fs::read_dir(folder) {
        return wrong(format!("The folder of backups {} cannot be read: {error}. No backup is proven here.", folder.display()));
    }
    let majors: Vec<String> = engine::cluster::server_majors(program_folders).iter().map(u16::to_string).collect();
    if majors.is_empty() {
        return wrong(format!(
            "A worker on this machine cannot prove the backups in {}: {}",
            folder.display(),
            engine::cluster::ClusterError::NoPrograms
        ));
    }
    well(format!(
        "Backups in {} can be proven, of databases up to PostgreSQL {}.",
        folder.display(),
        majors.last().map_or("", String::as_str)
    ))
}

fn data_folder(settings: &Settings) -> Vec<Finding> {
    let folder = &settings.data_dir;
    let Ok(found) = fs::metadata(folder) else { return Vec::new() };
    let mut findings = Vec::new();
    for private in [settings.secrets_dir(), folder.join("worker"), folder.join("web")] {
        if let Ok(inside) = fs::metadata(&private)
            && inside.mode() & 0o077 != 0
        {
            findings.push(wrong(format!("Others may look into {}: make it 0700.", private.display())));
        }
    }
    if found.mode() & 0o002 != 0 {
        findings.push(wrong(format!("Everybody may write into {}: make it 0711 or stricter.", folder.display())));
    }
    findings.push(match checkup::free_bytes(folder) {
        Err(error) => wrong(format!("The free space of {} cannot be read: {error}.", folder.display())),
        Ok(free) => free_space(free, &folder.display().to_string()),
    });
    findings
}

fn free_space(free: u64, folder: &str) -> Finding {
    let gib = free >> 30;
    match free {
        ..LEAST_FREE => {
            wrong(format!("Less than 1 GiB is free below {folder}: free some, or anchors cannot be written and nothing runs any more."))
        }
        LEAST_FREE..LITTLE_FREE => note(format!("{gib} GiB are free below {folder}: look after it soon.")),
        _ => well(format!("{gib} GiB are free below {folder}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Weight;

    #[test]
    fn little_space_is_told_before_it_is_wrong() {
        use Weight::{Note, Well, Wrong};
        let weights = [0, LEAST_FREE - 1, LEAST_FREE, LITTLE_FREE - 1, LITTLE_FREE, u64::MAX].map(|free| free_space(free, "/x").weight);
        assert_eq!(weights, [Wrong, Wrong, Note, Note, Well, Well]);
    }
}
