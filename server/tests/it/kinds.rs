//! A demo's state and an installation's state are never taken for each other.

use std::path::Path;

use engine::test_support::{ServiceRole, TestDatabase};

use crate::program::{Demo, data_folder, drydock, empty_site, run};

/// Exit code of a process that no restart helps.
const HOPELESS: i32 = 78;

fn on(words: &[&str], data_dir: &Path, site: &Path) -> std::process::Command {
    let mut command = drydock(words);
    command.arg("--data-dir").arg(data_dir).env("DRYDOCK_SITE_DIR", site);
    command
}

#[test]
fn a_demo_s_folder_is_refused_to_everything_but_tools_that_look() {
    let home = data_folder();
    let site = empty_site(home.path());
    let demo = Demo::start(&home);
    let data_dir = demo.data_dir.clone();
    let (code, said) = run(on(&["migrate"], &data_dir, &site));
    assert_eq!((code, said.contains("belongs to a demo") && said.contains("--data-dir")), (HOPELESS, true), "beside it: {said}");
    assert_eq!(demo.stop(), 0);

    let serve = on(&["serve", "--listen", "127.0.0.1:0"], &data_dir, &site);
    let (code, said) = run(serve);
    assert_eq!((code, said.contains("belongs to a demo") && said.contains("`drydock demo`")), (HOPELESS, true), "{said}");
    let (code, said) = run(on(&["create-admin", "--email", "back@example.org"], &data_dir, &site));
    assert_eq!(code, 0, "{said}");
    let (code, said) = run(on(&["doctor"], &data_dir, &site));
    assert_eq!(code, 0, "{said}");
    let (code, said) = run(on(&["trail", "verify"], &data_dir, &site));
    assert_eq!((code, said.contains("not proven")), (3, true), "looked at, without an anchor: {said}");
}

#[test]
fn the_demo_refuses_a_folder_that_holds_more_than_a_demo() {
    let home = data_folder();
    let (data_dir, site) = (home.path().join("data"), empty_site(home.path()));
    for words in [&["migrate"][..], &["create-admin", "--email", "ada@example.org"]] {
        let (code, said) = run(on(words, &data_dir, &site));
        assert_eq!(code, 0, "{said}");
    }
    let (code, said) = run(on(&["demo", "--json", "--listen", "127.0.0.1:0"], &data_dir, &site));
    assert_eq!((code, said.contains("no demo") && said.contains("`drydock serve`")), (HOPELESS, true), "{said}");
}

#[tokio::test]
async fn each_process_looks_for_itself() {
    let database = TestDatabase::new().await;
    let home = data_folder();
    let site = empty_site(home.path());
    let superuser = database.superuser().await;
    sqlx::query("INSERT INTO drydock.installation (id, demo, public_url) VALUES (gen_random_uuid(), true, 'http://127.0.0.1:8080')")
        .execute(&superuser)
        .await
        .expect("marked");
    let ask = |name: &str, role: ServiceRole, more: &[&str]| {
        let mut command = on(&[&[name, "--listen", "127.0.0.1:0"], more].concat(), home.path(), &site);
        command.env("DATABASE_URL", database.url(role));
        run(command)
    };
    for (name, role) in
        [("web", ServiceRole::Web), ("worker", ServiceRole::Worker), ("migrate", ServiceRole::Owner), ("serve", ServiceRole::Owner)]
    {
        let (code, said) = ask(name, role, &[]);
        assert_eq!((code, said.contains("belongs to a demo")), (HOPELESS, true), "{name}: {said}");
    }
    sqlx::query("UPDATE drydock.installation SET demo = false").execute(&superuser).await.expect("marked");
    for (name, role) in [("web", ServiceRole::Web), ("worker", ServiceRole::Worker)] {
        let (code, said) = ask(name, role, &["--demo"]);
        assert_eq!((code, said.contains("is no demo")), (HOPELESS, true), "{name}: {said}");
    }
}
