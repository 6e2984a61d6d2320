//! Backups restored into a throwaway server and compared: a good one is proven, and one that lies is not, however it lies.

use crate::house::{House, code};
use crate::inventory::{form, worker};
use crate::run_stage::RunStage;
use crate::stage::When;
use crate::target_support::{MAINTAINER, Target, run, until};
use domain::approval::Policy;
use domain::backup::{Fault, Kind, Proof};
use domain::examination::{ExaminationKind, ExaminationState, Question};
use domain::ids::TargetId;
use engine::actions::ask_examination::ask_examination;
use engine::actions::open_run::{Input, start_now};
use engine::actions::register_target::register_target;
use engine::cluster::{Cluster, ClusterConfig, program_folders};
use engine::queries::windows;
use engine::store::examinations::{self, Examination};
use engine::target::identity::{StableIdentity, observe};
use engine::target::proof::{self, Asked};
use engine::test_support::ServiceRole;
use engine::worker::{WorkerConfig, WorkerContext};
use sqlx::Connection as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A database with one of everything, rows in it, and a folder for its backups.
struct Ground {
    target: Target,
    folders: Vec<PathBuf>,
    /// What a throwaway server's user may pass through.
    home: TempDir,
}

const EVERYTHING: &str = "
    CREATE EXTENSION citext SCHEMA tools;
    CREATE EXTENSION postgres_fdw SCHEMA tools;
    SET ROLE shop_owner;
    CREATE TYPE shop.mood AS ENUM ('calm', 'hurried');
    CREATE DOMAIN shop.price AS numeric CHECK (VALUE >= 0);
    CREATE TABLE shop.customers (id int PRIMARY KEY, email tools.citext UNIQUE, mood shop.mood DEFAULT 'calm');
    CREATE TABLE shop.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int REFERENCES shop.customers, total shop.price, note text);
    CREATE INDEX \"notes of; orders\" ON shop.orders (note);
    CREATE TABLE shop.\"odd \"\"name\"\"\" (\"a column; x\" int);
    CREATE TABLE shop.events (at timestamptz, what text) PARTITION BY RANGE (at);
    CREATE TABLE shop.events_2026 PARTITION OF shop.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    CREATE FUNCTION shop.twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';
    CREATE FUNCTION shop.noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER noted BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.noted();
    CREATE VIEW shop.open_orders AS SELECT id FROM shop.orders;
    CREATE MATERIALIZED VIEW shop.totals AS SELECT customer, sum(total) FROM shop.orders GROUP BY customer;
    CREATE STATISTICS shop.together ON customer, total FROM shop.orders;
    ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
    ALTER TABLE shop.orders FORCE ROW LEVEL SECURITY;
    CREATE POLICY maintained ON shop.orders TO shop_maint USING (true);
    INSERT INTO shop.customers SELECT n, 'c' || n || '@example.org' FROM generate_series(1, 500) n;
    INSERT INTO shop.\"odd \"\"name\"\"\" SELECT generate_series(1, 300);
    INSERT INTO shop.events SELECT '2026-05-01', 'e' || n FROM generate_series(1, 400) n;
    RESET ROLE;
    INSERT INTO shop.orders (customer, total, note) SELECT 1 + n % 500, n, repeat('x', n % 50) FROM generate_series(1, 5000) n;
    SELECT lo_from_bytea(0, 'a large object');
    CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1');
    CREATE USER MAPPING FOR shop_maint SERVER elsewhere OPTIONS (user 'x', password 'secret-of-a-mapping');
    CREATE FOREIGN TABLE shop.far (line text) SERVER elsewhere;
    GRANT SELECT ON ALL TABLES IN SCHEMA shop TO shop_maint;
    CREATE FUNCTION shop.watched() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE EVENT TRIGGER watched_here ON ddl_command_end EXECUTE FUNCTION shop.watched()";

impl Ground {
    async fn new() -> Self {
        let target = Target::new().await;
        target.plant(EVERYTHING).await;
        let home = tempfile::tempdir().expect("a folder");
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o711)).expect("ours");
        fs::create_dir_all(home.path().join("backups/shop")).expect("a folder");
        fs::create_dir_all(home.path().join("work")).expect("a folder");
        Self { target, folders: program_folders(&[]), home }
    }

    fn backups(&self) -> PathBuf {
        self.home.path().join("backups/shop")
    }

    /// Runs `pg_dump` as the superuser; what it wrote lies at `name`.
    fn dump(&self, name: &str, arguments: &[&str]) -> PathBuf {
        self.dump_of(name, arguments, &self.target.db.superuser_url())
    }

    fn dump_of(&self, name: &str, arguments: &[&str], url: &str) -> PathBuf {
        let path = self.backups().join(name);
        let program = self.folders.iter().map(|folder| folder.join("pg_dump")).find(|path| path.is_file()).expect("pg_dump is installed");
        let output = Command::new(program).args(arguments).arg("--file").arg(&path).arg(url).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        path
    }

    /// Whether `pg_restore --list` finds nothing wrong with it.
    fn lists(&self, path: &Path) -> bool {
        let program = self.folders.iter().map(|folder| folder.join("pg_restore")).find(|path| path.is_file()).expect("installed");
        Command::new(program).arg("--list").arg(path).output().expect("it runs").status.success()
    }

    async fn attempt(&self) -> Result<Proof, domain::decision::Refusal> {
        let dialer = self.target.dialer(MAINTAINER).await;
        let identity = observe(&dialer.connect("test").await.expect("reachable")).await.expect("readable").stable;
        let (folder, work, scratch) = (self.backups(), self.home.path().join("work"), self.home.path().join("scratch"));
        let asked = Asked {
            id: Uuid::now_v7(),
            folder: &folder,
            known_as: "shop",
            identity: &identity,
            programs: &self.folders,
            work: &work,
            scratch: &scratch,
        };
        let proof = proof::attempt(&dialer, &asked, &CancellationToken::new()).await;
        let left: Vec<_> = fs::read_dir(&scratch).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        assert_eq!(left, Vec::<PathBuf>::new(), "the throwaway server is gone: {proof:?}");
        assert_eq!(fs::read_dir(&work).expect("readable").count(), 0, "no file is left");
        proof
    }

    async fn proof(&self) -> Proof {
        self.attempt().await.expect("it can be tried here")
    }

    /// The only fault of the newest backup, as a sentence.
    async fn fault(&self) -> String {
        let proof = self.proof().await;
        assert!(!proof.holds(), "{proof:?}");
        assert_eq!(proof.faults.len(), 1, "{proof:?}");
        proof.faults[0].sentence()
    }

    fn clear(&self) {
        fs::remove_dir_all(self.backups()).expect("removable");
        fs::create_dir_all(self.backups()).expect("a folder");
    }
}

/// Cuts a file to a share of its length.
fn cut(path: &Path, percent: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).expect("writable");
    let length = file.metadata().expect("a file").len();
    file.set_len(length * percent / 100).expect("cut");
}

/// The largest data file of a directory archive.
fn largest(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable").path());
    files
        .filter(|path| path.to_string_lossy().ends_with(".dat.gz"))
        .max_by_key(|path| fs::metadata(path).expect("a file").len())
        .expect("there is data")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_backup_is_proven_in_either_format() {
    let ground = Ground::new().await;
    for format in ["--format=custom", "--format=directory"] {
        ground.clear();
        ground.dump("nightly.dump", &[format]);
        let proof = ground.proof().await;
        assert_eq!(proof.faults, [], "{format}: {proof:?}");
        assert!(proof.holds());
        let restored = proof.restored.as_ref().expect("restored");
        // Customers, orders, the odd one, the partition: counted, not estimated.
        assert_eq!(restored.rows, 500 + 300 + 400 + 5000);
        let of = |kind| restored.objects.get(&kind).copied().unwrap_or(0);
        assert_eq!((of(Kind::Table), of(Kind::Trigger), of(Kind::RowPolicy), of(Kind::LargeObjects)), (5, 1, 1, 1), "{restored:?}");
        assert_eq!((of(Kind::MaterializedView), of(Kind::Type), of(Kind::Statistics), of(Kind::Extension)), (1, 2, 1, 3));
        assert!(of(Kind::Column) > 10 && of(Kind::Index) > 3 && of(Kind::Constraint) > 3 && of(Kind::Routine) == 3);
        assert_eq!(proof.not_compared.len(), 3, "foreign tables, event triggers, materialized views: {:?}", proof.not_compared);
        let archive = proof.archive.as_ref().expect("found");
        assert_eq!(archive.path, "shop/nightly.dump");
        let age = engine::clock::Clock.now().duration_since(archive.taken_at.expect("said"));
        assert!(age.as_secs() >= 0 && age.as_secs() < 300, "{age}");
        assert!(proof.sentence().expect("restored").contains("6,200 rows"), "{:?}", proof.sentence());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_cut_off_is_no_backup_though_it_lists_its_contents() {
    let ground = Ground::new().await;
    let whole = ground.dump("nightly", &["--format=directory"]);
    for percent in [0, 50, 99] {
        let file = largest(&whole);
        let kept = fs::read(&file).expect("readable");
        cut(&file, percent);
        assert!(ground.lists(&whole), "that is the trap");
        let said = ground.fault().await;
        assert!(said.contains(".dat.gz is cut off or damaged"), "{percent} %: {said}");
        fs::write(&file, kept).expect("put back");
    }
    assert!(ground.proof().await.holds());
    // Without a check of its own nobody can tell: at the end of a line it would restore without an error.
    ground.clear();
    ground.dump("nightly", &["--format=directory", "--compress=0"]);
    assert!(ground.fault().await.contains("is not compressed, and such a file does not tell whether it is whole"));
    for percent in [0, 3, 60, 98] {
        ground.clear();
        let file = ground.dump("nightly.dump", &["--format=custom"]);
        cut(&file, percent);
        let said = ground.fault().await;
        assert!(
            ["is no archive of pg_dump", "cannot be read", "does not restore"].iter().any(|words| said.contains(words)),
            "{percent} %: {said}"
        );
    }
    ground.clear();
    let whole = ground.dump("nightly", &["--format=directory"]);
    fs::remove_file(whole.join("toc.dat")).expect("there");
    assert!(ground.fault().await.contains("the dump did not finish"));
    ground.clear();
    let whole = ground.dump("nightly", &["--format=directory"]);
    fs::remove_file(largest(&whole)).expect("there");
    assert!(ground.fault().await.contains("It does not restore"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_without_part_of_the_database_is_no_backup() {
    let ground = Ground::new().await;
    ground.dump("nightly.dump", &["--format=custom", "--schema-only"]);
    let said: Vec<String> = ground.proof().await.faults.iter().map(Fault::sentence).collect();
    assert_eq!(said[0], "The database has large objects, and the backup has none.");
    assert!(said[1].starts_with("4 tables with rows in the database are empty in the backup: "), "{said:?}");
    assert!(said[1].contains(r#"shop."odd ""name""""#), "{said:?}");
    ground.clear();
    ground.dump("nightly.dump", &["--format=custom", "--exclude-table-data=shop.orders"]);
    assert_eq!(ground.fault().await, "1 table with rows in the database is empty in the backup: shop.orders.");
    ground.clear();
    ground.dump("nightly.dump", &["--format=custom", "--table=shop.customers"]);
    let proof = ground.proof().await;
    assert!(!proof.holds(), "{proof:?}");
    ground.clear();
    // Restores without an error, and has none of what comes after the rows.
    ground.dump("nightly.dump", &["--format=custom", "--section=pre-data", "--section=data"]);
    let proof = ground.proof().await;
    let lacks: Vec<Kind> =
        proof.faults.iter().filter_map(|fault| if let Fault::Lacks { kind, .. } = fault { Some(*kind) } else { None }).collect();
    assert!([Kind::Index, Kind::Constraint, Kind::Trigger].iter().all(|kind| lacks.contains(kind)), "{:?}", proof.faults);
    ground.clear();
    ground.dump("nightly.dump", &["--format=custom", "--no-blobs"]);
    assert_eq!(ground.fault().await, "The database has large objects, and the backup has none.");
    // Some rows are not all of them.
    ground.clear();
    ground.target.plant("CREATE TABLE shop.many AS SELECT generate_series(1, 30000) n").await;
    ground.dump("nightly.dump", &["--format=custom"]);
    ground.target.plant("TRUNCATE shop.many; INSERT INTO shop.many SELECT generate_series(1, 700000) n; ANALYZE shop.many").await;
    assert_eq!(ground.fault().await, "1 table has less than a tenth of its rows in the backup: shop.many.");
    // Where the server has no estimate that is told: rows are not read.
    ground.target.plant("TRUNCATE shop.many; DROP TABLE shop.many; CREATE TABLE shop.many AS SELECT generate_series(1, 3000) n").await;
    ground.target.plant("SELECT pg_stat_reset_single_table_counters('shop.many'::regclass)").await;
    ground.clear();
    ground.dump("nightly.dump", &["--format=custom", "--exclude-table-data=shop.many"]);
    let proof = ground.proof().await;
    assert!(proof.holds() && proof.not_compared.iter().any(|said| said.ends_with("has no estimate of its rows: shop.many.")), "{proof:?}");
    ground.target.plant("DROP TABLE shop.many").await;
    // Only one schema: it restores nowhere else, because the extension is not in it.
    ground.clear();
    ground.dump("nightly.dump", &["--format=custom", "--schema=shop"]);
    let said: Vec<String> = ground.proof().await.faults.iter().map(Fault::sentence).collect();
    assert!(said[0].starts_with("The backup lacks 3 extensions of the database: citext, pgstattuple, postgres_fdw"), "{said:?}");
    assert!(said[1].starts_with("The backup lacks 1 schema of the database: tools"), "{said:?}");
    // What came after it is not in it.
    ground.clear();
    ground.dump("nightly.dump", &["--format=custom"]);
    ground.target.plant_as_owner("CREATE TABLE shop.later (id int); ALTER TABLE shop.customers ADD COLUMN since date").await;
    let said: Vec<String> = ground.proof().await.faults.iter().map(Fault::sentence).collect();
    assert_eq!(
        said,
        ["The backup lacks 1 table of the database: shop.later.", "The backup lacks 1 column of the database: since of shop.customers."]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_proven_is_said_and_never_passed_over() {
    let ground = Ground::new().await;
    assert!(ground.fault().await.starts_with("No backup lies in shop"), "an empty folder");
    let older = ground.dump("older.dump", &["--format=custom"]);
    let back = fs::File::options().write(true).open(&older).expect("writable");
    back.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(600)).expect("set");
    for (name, arguments, said) in [
        ("nightly.sql", &["--format=plain"][..], "It is a plain SQL dump"),
        ("nightly.sql.gz", &["--format=plain", "--compress=5"], "It is a plain SQL dump"),
        ("nightly.tar", &["--format=tar"], "It is a tar archive"),
    ] {
        let path = ground.dump(name, arguments);
        assert!(ground.fault().await.starts_with(said), "{name}");
        // Cut at the end of a line it would restore without an error, or to nothing at all.
        cut(&path, 30);
        assert!(ground.fault().await.starts_with(said), "{name}, cut");
        fs::remove_file(path).expect("removable");
    }
    for (name, text) in [("nightly.dump", ""), ("nightly.sql", ""), ("nightly.dump.gpg", "\u{85}secret")] {
        fs::write(ground.backups().join(name), text).expect("writable");
        let said = ground.fault().await;
        assert!(said.contains("plain SQL dump") || said.contains("is no archive of pg_dump"), "{name}: {said}");
        fs::remove_file(ground.backups().join(name)).expect("removable");
    }
    // What is no backup, or is being written, does not stand in the way of the one that is there.
    for (name, text) in [
        ("dump.log", "done"),
        ("nightly.dump.partial", "PGDM"),
        (".nightly.dump.x", ""),
        ("globals.sql", "--\n-- PostgreSQL database cluster dump\n--\n"),
    ] {
        fs::write(ground.backups().join(name), text).expect("writable");
    }
    fs::create_dir(ground.backups().join("logs")).expect("a folder");
    let proof = ground.proof().await;
    assert!(proof.holds(), "{proof:?}");
    let archive = proof.archive.expect("found");
    let age = engine::clock::Clock.now().duration_since(archive.taken_at.expect("said"));
    assert!(archive.path == "shop/older.dump" && age.as_secs() >= 590, "never younger than its file: {age}");
    // Of another database.
    ground.dump_of("other.dump", &["--format=custom"], &ground.target.db.superuser_url_of("postgres"));
    assert!(ground.fault().await.starts_with("It is a backup of a database called “postgres”"));
    fs::remove_dir_all(ground.backups()).expect("removable");
    assert!(ground.fault().await.starts_with("There is no folder shop on the worker's machine"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_of_an_archive_has_no_power_over_the_worker() {
    let ground = Ground::new().await;
    let mark = ground.home.path().join("mark");
    fs::create_dir(&mark).expect("a folder");
    fs::set_permissions(&mark, fs::Permissions::from_mode(0o777)).expect("ours");
    let file = mark.join("reached");
    // Whoever owns a table can have code run by whoever restores it.
    ground
        .target
        .plant_as_owner("CREATE FUNCTION shop.key(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END'; CREATE INDEX by_key ON shop.customers (shop.key(id))")
        .await;
    ground
        .target
        .plant_as_owner(&format!(
            "CREATE FUNCTION shop.reach() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN EXECUTE $e$ COPY (SELECT 1) TO PROGRAM 'touch {}' $e$; RETURN 1; END $f$;
             CREATE OR REPLACE FUNCTION shop.key(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 + shop.reach(); END'",
            file.display()
        ))
        .await;
    ground.dump("nightly.dump", &["--format=custom"]);
    let refused = ground.attempt().await.expect_err("not with these rights");
    let said = refused.to_string();
    assert!(refused.code == "not_here" && said.contains("to COPY to or from an external program"), "{said}");
    assert!(!file.exists(), "nothing ran");
    assert!(!said.contains("touch"), "the text itself is not shown: {said}");

    // Code that behaves while it is restored, and waits for somebody with more power: to plan a count is enough to run it.
    ground.clear();
    ground
        .target
        .plant_as_owner(&format!(
            "CREATE OR REPLACE FUNCTION shop.reach() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN
                 IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN EXECUTE $e$ COPY (SELECT 1) TO PROGRAM 'touch {}' $e$; END IF;
                 RETURN 1; END $f$;
             DROP INDEX shop.by_key; CREATE INDEX by_key ON shop.customers ((id + shop.key(1)))",
            file.display()
        ))
        .await;
    ground.dump("nightly.dump", &["--format=custom"]);
    let proof = ground.proof().await;
    assert!(proof.holds(), "{proof:?}");
    assert!(!file.exists(), "nothing ran");

    // And to other servers nothing leads: not even a connection is asked for.
    ground.clear();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("set");
    let port = listener.local_addr().expect("bound").port();
    ground.target.plant("CREATE EXTENSION dblink SCHEMA tools").await;
    ground
        .target
        .plant_as_owner(&format!(
            "CREATE OR REPLACE FUNCTION shop.reach() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN
                 IF current_user <> 'shop_owner' THEN PERFORM tools.dblink_connect('host=127.0.0.1 port={port} user=u password=p dbname=x'); END IF;
                 RETURN 1; END $f$"
        ))
        .await;
    ground.dump("nightly.dump", &["--format=custom"]);
    let refused = ground.attempt().await.expect_err("it may not be called");
    assert!(refused.to_string().contains("permission denied for function dblink_connect"), "{refused}");
    assert!(listener.accept().is_err(), "nobody came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_namesake_is_told() {
    let ground = Ground::new().await;
    // The same name and the same tables, as staging and production often have them: elsewhere, so with another identity.
    let copy = Target::new().await;
    copy.plant("CREATE TABLE shop.orders (id int)").await;
    ground.dump_of("nightly.dump", &["--format=custom"], &copy.db.superuser_url());
    assert!(ground.fault().await.starts_with("It is a backup of a database called"));
    let name = ground.target.db.name().to_owned();
    let mut everywhere = sqlx::PgConnection::connect(&ground.target.db.superuser_url_of("postgres")).await.expect("answers");
    run(&mut everywhere, &format!("ALTER DATABASE {name} RENAME TO {name}_; ALTER DATABASE {} RENAME TO {name}", copy.db.name())).await;
    ground.dump("nightly.dump", &["--format=custom"]);
    run(&mut everywhere, &format!("ALTER DATABASE {name} RENAME TO {}; ALTER DATABASE {name}_ RENAME TO {name}", copy.db.name())).await;
    assert!(ground.fault().await.starts_with("It is a backup of another database called"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_here_says_nothing_about_the_backup() {
    let ground = Ground::new().await;
    ground.dump("nightly.dump", &["--format=custom"]);
    let nowhere = Ground { folders: vec![], target: ground.target, home: ground.home };
    // Without its programs nothing can be tried; the usual places are looked into all the same, so the disk is what is missing here.
    let dialer = nowhere.target.dialer(MAINTAINER).await;
    let identity = observe(&dialer.connect("test").await.expect("reachable")).await.expect("readable").stable;
    let (folder, work, scratch) = (nowhere.backups(), nowhere.home.path().join("work"), nowhere.home.path().join("scratch"));
    let asked =
        |identity| Asked { id: Uuid::now_v7(), folder: &folder, known_as: "shop", identity, programs: &[], work: &work, scratch: &scratch };
    let refused = proof::attempt(&dialer, &asked(&identity), &CancellationToken::new()).await.expect_err("no program to restore with");
    assert_eq!(refused.code, "not_here", "{refused}");
    let (stopped, everything) = (CancellationToken::new(), program_folders(&[]));
    stopped.cancel();
    assert_eq!(
        proof::attempt(&dialer, &Asked { programs: &everything, ..asked(&identity) }, &stopped).await.expect_err("stopped").code,
        "stopped"
    );
    let another = StableIdentity { database_oid: identity.database_oid + 1, ..identity.clone() };
    let another = proof::attempt(&dialer, &asked(&another), &CancellationToken::new()).await.expect_err("another database");
    assert_eq!(another.code, "another_database");
    assert_eq!(fs::read_dir(&scratch).into_iter().flatten().count(), 0, "nothing is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_worker_left_is_removed_and_nothing_else() {
    let home = tempfile::tempdir().expect("a folder");
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o711)).expect("ours");
    let scratch = home.path().join("scratch");
    let start = async |id: Uuid| {
        let mut config = ClusterConfig::new(scratch.join(format!("drydock-proof-{}", id.simple())));
        config.durable = false;
        Cluster::start(config).await.expect("it starts")
    };
    let (dead, alive) = (start(Uuid::now_v7()).await, start(Uuid::now_v7()).await);
    let (left, pid) = (dead.folder().to_owned(), dead.pid());
    // As a killed process leaves it: nobody holds the folder, and the server runs.
    drop(dead);
    let half = scratch.join(format!("drydock-proof-{}", Uuid::now_v7().simple()));
    fs::create_dir(&half).expect("a folder");
    fs::create_dir(scratch.join("precious")).expect("a folder");
    fs::create_dir(scratch.join(Uuid::now_v7().to_string())).expect("a folder");
    proof::sweep(&scratch).await;
    assert!(!left.exists() && !half.exists(), "both are gone");
    assert!(
        !Path::new(&format!("/proc/{pid}/stat")).exists()
            || fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
    );
    assert!(alive.is_running() && alive.folder().exists(), "its owner is there");
    assert_eq!(fs::read_dir(&scratch).expect("readable").count(), 3);
    let folder = alive.folder().to_owned();
    alive.discard().await.expect("removable");
    assert!(!folder.exists());
}

/// A worker of the house that has a folder of backups.
async fn proving(house: &House, ground: &Ground) -> WorkerContext {
    let context = worker(house).await;
    let config = WorkerConfig {
        backups_dir: Some(ground.home.path().join("backups")),
        scratch_dir: ground.home.path().join("scratch"),
        ..(*context.config).clone()
    };
    drop(context);
    WorkerContext::connect(config, CancellationToken::new()).await.expect("the worker role connects")
}

async fn newest(house: &House, id: TargetId) -> Examination {
    let mut db = house.engine.pool().acquire().await.expect("a connection");
    examinations::newest(&mut db, id, ExaminationKind::BackupProof).await.expect("readable").expect("asked")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_is_asked_for_recorded_and_on_the_trail() {
    let (house, ground) = (House::new().await, Ground::new().await);
    let plain = worker(&house).await;
    let id = register_target(&house.engine, &house.engineer, &form(&house, &ground.target)).await.expect("a good form");
    assert!(engine::examiner::answer_next(&plain).await.expect("works"), "a test was asked for");
    drop(plain);
    let ask = async || ask_examination(&house.engine, &house.engineer, id, Question::BackupProof).await;
    let refused = ask().await.expect_err("nobody could answer");
    assert!(refused.to_string().contains("No worker that runs has a folder of backups"), "{refused}");
    assert!(
        ask_examination(&house.engine, &house.stakeholder, id, Question::BackupProof).await.is_err(),
        "a stakeholder records no backups"
    );

    let context = proving(&house, &ground).await;
    let running = tokio::spawn(engine::examiner::run(context.clone()));
    let proves = "SELECT count(*) FROM drydock.worker_key WHERE proves_backups";
    until("the worker says that it proves", async || house.count(proves).await == 1).await;
    ground.dump("nightly.dump", &["--format=custom", "--schema-only"]);
    ask().await.expect("asked");
    until("it is answered", async || !newest(&house, id).await.state.is_open()).await;
    let answered = newest(&house, id).await;
    assert_eq!(answered.state, ExaminationState::Answered, "{answered:?}");
    let proof: Proof = serde_json::from_value(answered.answer.expect("answered")).expect("its own form");
    assert!(!proof.holds());
    let recorded = "SELECT count(*) FROM drydock.backup_record WHERE proof IS NOT NULL";
    assert_eq!(house.count(recorded).await, 0, "what is no proof is not recorded");

    ground.dump("nightly.dump", &["--format=custom"]);
    ask().await.expect("asked");
    until("it is answered", async || !newest(&house, id).await.state.is_open()).await;
    let answered = newest(&house, id).await;
    let proof: Proof =
        serde_json::from_value(answered.answer.unwrap_or_default()).unwrap_or_else(|error| panic!("{error}: {:?}", answered.failure));
    assert!(proof.holds(), "{proof:?}");
    assert_eq!(house.count(recorded).await, 1);
    assert_eq!(house.count("SELECT count(*) FROM drydock.backup_record b JOIN drydock.examination e ON e.id = b.examination_id AND e.asked_by = b.recorded_by WHERE b.location = 'shop/nightly.dump'").await, 1);
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'backup.prove' AND convert_from(bytes, 'UTF8') LIKE '%\"faults\":[]%6,200 rows%'").await, 1);
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'backup.prove' AND convert_from(bytes, 'UTF8') LIKE '%are empty in the backup%'").await, 1);

    // Only a worker proves: the web's role can record what a person vouches for, and nothing beside it.
    let web = house.database.pool(ServiceRole::Web).await;
    let forged = sqlx::query("INSERT INTO drydock.backup_record (id, target_id, taken_at, location, verified_how, recorded_by, examination_id, proof) SELECT gen_random_uuid(), target_id, now(), 'x', 'x', recorded_by, NULL, proof FROM drydock.backup_record WHERE proof IS NOT NULL")
        .execute(&web)
        .await
        .expect_err("no right");
    assert!(forged.to_string().contains("permission denied"), "{forged}");
    // And a backup with a fault is recorded by nobody.
    let faulty = house.database.superuser().await;
    let faulty = sqlx::query("INSERT INTO drydock.backup_record (id, target_id, taken_at, location, verified_how, recorded_by, examination_id, proof) SELECT gen_random_uuid(), target_id, now(), 'x', 'x', asked_by, id, answer FROM drydock.examination WHERE kind = 'backup_proof' AND answer -> 'faults' <> '[]'")
        .execute(&faulty)
        .await
        .expect_err("a constraint");
    assert!(faulty.to_string().contains("backup_record_proof"), "{faulty}");
    context.stop.cancel();
    running.await.expect("no panic").expect("it ends well");
}

/// What a worker would have written about a backup of this database that was taken so many hours ago.
async fn proven(house: &House, target: &str, hours: i32) {
    sqlx::query(
        "WITH about AS (SELECT t.id, t.created_by, t.identity FROM drydock.target t WHERE t.short_name = $1),
              asked AS (INSERT INTO drydock.examination (id, target_id, kind, state, answer, asked_by, answered_at)
                        SELECT gen_random_uuid(), a.id, 'backup_proof', 'answered', $3 || jsonb_build_object('of', a.identity), a.created_by, now() FROM about a RETURNING id, answer)
         INSERT INTO drydock.backup_record (id, target_id, taken_at, location, verified_how, recorded_by, examination_id, proof)
         SELECT gen_random_uuid(), a.id, now() - make_interval(hours => $2), 'x', 'restored', a.created_by, q.id, q.answer FROM about a, asked q",
    )
    .bind(target)
    .bind(hours)
    .bind(serde_json::json!({"restored": {"server_major": 15, "took_ms": 1, "objects": {}, "rows": 1, "size_bytes": 1}, "faults": [], "not_compared": []}))
    .execute(&house.admin)
    .await
    .expect("recorded");
}

#[tokio::test]
async fn a_policy_that_demands_a_restored_backup_is_obeyed_by_whoever_starts() {
    let house = House::new().await;
    let window = house.staged(When::NOW, |plan| plan.policy.rules.proof_max_age_hours = Some(26)).await;
    let start = async || start_now(&house.engine, &house.engineer, window.number, &Input { short_name: "prod-orders".into() }).await;
    house.backed_up().await;
    assert_eq!(code(start().await), "backup_proof", "that somebody vouches for one is not enough");
    proven(&house, "prod-orders", 27).await;
    let page = windows::show(&house.engine, &house.engineer.actor, window.number, None).await.expect("the page");
    let refusal = page.offers.start.why_not().cloned().expect("too old");
    assert!(refusal.message.contains("at most 26 hours old; the newest such is 27 hours old"), "{refusal}");
    proven(&house, "prod-orders", 25).await;
    // What rules today is stricter than what was sealed, and counts, too.
    house.ruled_by("Strict", "production", &Policy { proof_max_age_hours: Some(24), ..Policy::standard() }).await;
    assert_eq!(code(start().await), "backup_proof");
    proven(&house, "prod-orders", 1).await;
    // What was proven of the database that was there before says nothing of the one that is there now.
    for identity in
        ["jsonb_set(identity, '{system_identifier}', '\"elsewhere\"')", "jsonb_set(identity, '{system_identifier}', '\"here\"')"]
    {
        let sql = format!("UPDATE drydock.target SET identity = {identity} WHERE short_name = 'prod-orders'");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&house.admin).await.expect("set");
        let said = code(start().await);
        assert!(said.contains("identity") || said == "backup_proof", "{said}");
    }
    sqlx::query("UPDATE drydock.target t SET identity = (SELECT b.proof -> 'of' FROM drydock.backup_record b WHERE b.target_id = t.id AND b.proof IS NOT NULL LIMIT 1) WHERE short_name = 'prod-orders'")
        .execute(&house.admin)
        .await
        .expect("put back");
    start().await.expect("young enough for both");
}

#[tokio::test]
async fn a_run_waits_in_its_pre_checks_for_the_restored_backup() {
    let stage = RunStage::new().await;
    stage.dead_rows("one", 1_000).await;
    stage.due(|plan| plan.policy.rules.proof_max_age_hours = Some(26)).await;
    let worker = stage.worker();
    stage
        .until(60, "SELECT EXISTS (SELECT FROM drydock.run WHERE pre_checks @> '[{\"key\": \"backup_proof\", \"colour\": \"fail\"}]' AND pre_checks @> '[{\"key\": \"backup\", \"colour\": \"pass\"}]')")
        .await;
    assert_eq!(stage.text("SELECT state FROM drydock.window").await, "approved", "nothing begins");
    proven(&stage.house, "prod-orders", 3).await;
    stage.until(60, "SELECT state = 'validating' FROM drydock.window").await;
    let said = stage.text("SELECT pre_checks::text FROM drydock.run").await;
    assert!(said.contains("A worker restored the backup that was taken 3 hours ago."), "{said}");
    worker.stop().await;
}
