//! Five hundred sign-ins at once against a real web process: it stays small, and its pages go on being served.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::program::{Demo, data_folder, get};

const ATTEMPTS: usize = 500;
/// Longer than anything here takes; a page that hangs ends the test by it.
const PATIENCE: Duration = Duration::from_mins(2);

/// The most memory the process ever had, in KiB.
fn peak_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says so");
    line.trim().trim_end_matches("kB").trim().parse().expect("a number")
}

/// Sends the sign-in form with a wrong password; gives the whole answer.
fn attempt(address: &str, email: &str) -> String {
    let body = format!("email={}&password=a+wrong+password", email.replace('@', "%40"));
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    let head = format!(
        "POST /login HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn a_flood_of_sign_ins_leaves_the_process_small_and_its_pages_served() {
    let home = data_folder();
    let demo = Demo::start(&home);
    let address = demo.address();
    let web = demo.child("web").expect("it runs");
    // What is made once is made before: the first page, the first hash.
    assert_eq!(get(&address, "/login").as_deref(), Some("HTTP/1.1 200 OK"));
    assert!(attempt(&address, "nobody@shop.example").starts_with("HTTP/1.1 303"));
    let before = peak_kib(web);

    let attempts: Vec<_> = (0..ATTEMPTS)
        .map(|number| {
            let address = address.clone();
            let known = if number % 2 == 0 { "ada@shop.example" } else { "nobody@shop.example" };
            thread::spawn(move || attempt(&address, known))
        })
        .collect();
    let waits = |attempts: &[JoinHandle<String>]| attempts.iter().any(|attempt| !attempt.is_finished());
    let mut served = 0;
    while waits(&attempts) {
        assert_eq!(get(&address, "/login").as_deref(), Some("HTTP/1.1 200 OK"), "a page while sign-ins wait");
        served += usize::from(waits(&attempts));
    }
    assert!(served > 0, "no page was served before the last sign-in was answered");

    let answers: Vec<String> = attempts.into_iter().map(|attempt| attempt.join().expect("answered")).collect();
    assert!(
        answers.iter().all(|answer| answer.starts_with("HTTP/1.1 303") || answer.starts_with("HTTP/1.1 503")),
        "{:?}",
        answers.iter().map(|answer| &answer[..answer.len().min(40)]).collect::<Vec<_>>()
    );
    let busy: Vec<&String> = answers.iter().filter(|answer| answer.contains("Too many people are signing in at this moment.")).collect();
    assert!(busy.iter().all(|answer| answer.starts_with("HTTP/1.1 503") && answer.to_lowercase().contains("retry-after: 5")), "{busy:?}");
    let added = peak_kib(web).saturating_sub(before);
    eprintln!("{served} pages served meanwhile, {} attempts sent away, {added} KiB added", busy.len());
    assert!(added < 64 * 1024, "{added} KiB were added");
    assert_eq!(demo.stop(), 0);
}
