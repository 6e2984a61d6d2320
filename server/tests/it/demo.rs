//! The demo as a set of processes: each may die, and the others go on.

use rustix::process::Signal;

use crate::program::{Demo, data_folder, drydock, empty_site, get, lives, run, send, until};

#[test]
fn it_starts_says_where_and_stops_without_leftovers() {
    let home = data_folder();
    let demo = Demo::start(&home);
    for key in ["address", "sign_ins", "mailbox", "targets"] {
        assert!(!demo.ready[key].is_null(), "{key}: {}", demo.ready);
    }
    assert_eq!(get(&demo.address(), "/healthz").as_deref(), Some("HTTP/1.1 200 OK"));
    let (code, said) = run(drydock(&["healthcheck", "--listen", &demo.address()]));
    assert_eq!(code, 0, "{said}");
    let (web, worker, postmaster) = (demo.child("web"), demo.child("worker"), demo.postmaster());
    let watchdog = demo.child("watchdog").expect("watchdog");
    let given = |pid: u32| String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/environ")).expect("ours")).into_owned();
    assert!(given(worker.expect("worker")).contains("DATABASE_URL="), "the look finds what is there");
    assert!(!given(watchdog).contains("DATABASE_URL"), "it knows no state database");
    assert_eq!(demo.stop(), 0);
    for pid in [web.expect("web"), worker.expect("worker"), watchdog, postmaster] {
        assert!(!lives(pid), "process {pid} is left");
    }
}

#[test]
fn a_killed_child_is_started_again_and_the_others_do_not_notice() {
    let home = data_folder();
    let demo = Demo::start(&home);
    let (web, worker) = (demo.child("web").expect("runs"), demo.child("worker").expect("runs"));
    send(worker, Signal::KILL);
    until("a new worker", || demo.child("worker").is_some_and(|pid| pid != worker));
    assert_eq!(demo.child("web"), Some(web));
    assert_eq!(get(&demo.address(), "/healthz").as_deref(), Some("HTTP/1.1 200 OK"));

    send(web, Signal::KILL);
    until("the web answers again", || get(&demo.address(), "/healthz").is_some());
    assert_ne!(demo.child("web"), Some(web));
    assert_eq!(demo.stop(), 0);
}

#[test]
fn a_killed_supervisor_takes_its_children_along_and_leaves_the_cluster_to_the_next() {
    let home = data_folder();
    let mut first = Demo::start(&home);
    let (web, worker, postmaster) = (first.child("web").expect("runs"), first.child("worker").expect("runs"), first.postmaster());
    first.signal(Signal::KILL);
    first.process.wait().expect("reaped");
    until("web and worker end", || !lives(web) && !lives(worker));
    assert!(lives(postmaster));

    let second = Demo::start(&home);
    assert_eq!(second.postmaster(), postmaster, "found again, not started anew");
    assert_eq!(second.stop(), 0);
    assert!(!lives(postmaster));
}

#[test]
fn a_second_demo_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let home = data_folder();
    let demo = Demo::start(&home);
    let mut command = drydock(&["demo", "--listen", "127.0.0.1:0", "--data-dir"]);
    command.arg(&demo.data_dir).env("DRYDOCK_SITE_DIR", empty_site(home.path()));
    let (code, said) = run(command);
    assert_eq!(code, 1);
    assert!(said.contains("in use by another Drydock") && said.contains("--data-dir"), "{said}");
    assert_eq!(get(&demo.address(), "/healthz").as_deref(), Some("HTTP/1.1 200 OK"));
    assert_eq!(demo.stop(), 0);
}

#[test]
fn doctor_looks_at_a_running_installation_beside_it() {
    let home = data_folder();
    let demo = Demo::start(&home);
    let mut command = drydock(&["doctor", "--data-dir"]);
    command.arg(&demo.data_dir).env("DRYDOCK_SITE_DIR", empty_site(home.path()));
    let (code, said) = run(command);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("drydock_web") && said.contains("drydock_worker") && said.contains("schema suits"), "{said}");
    assert_eq!(demo.stop(), 0);
}

/// A worker that cannot end is waited for; meanwhile the web still answers and says that it is going away. The second signal ends it all.
#[test]
fn while_something_is_waited_for_the_web_says_so() {
    let home = data_folder();
    let mut demo = Demo::start(&home);
    let address = demo.address();
    let worker = demo.child("worker").expect("it runs");
    send(worker, Signal::STOP);
    demo.signal(Signal::INT);
    until("balancers are told", || get(&address, "/readyz").as_deref() == Some("HTTP/1.1 503 Service Unavailable"));
    assert_eq!(get(&address, "/login").as_deref(), Some("HTTP/1.1 200 OK"), "people are still served");
    assert!(lives(worker), "it is waited for");
    // Not the same key press any more.
    std::thread::sleep(std::time::Duration::from_millis(500));
    demo.signal(Signal::INT);
    assert_eq!(demo.process.wait().expect("ours").code(), Some(0));
    assert!(!lives(worker) && get(&address, "/login").is_none(), "nothing is left");
}
