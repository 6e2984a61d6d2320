//! What leaves as a document, written from thousands of hostile texts and read again by strict readers of our own: an independent reading of
//! RFC 5322 and RFC 2047 for headers, of RFC 5545 for calendar entries, and of HTML's tags.

use super::calendar::{CalendarEvent, Invitation};
use super::letter::{Button, Command, Letter, block, line};
use super::mail::Mail;
use base64::Engine as _;
use domain::reveal::is_hidden;
use domain::window::certainty::Certainty;

const CASES: u64 = 20_000;

/// Pieces that break out of one format or another; texts are made of them in every order the generator gives.
const PIECES: [&str; 44] = [
    "\r\n",
    "\n",
    "\r",
    "\u{85}",
    "\u{2028}",
    "\0",
    "\t",
    " ",
    "  ",
    "\u{b}",
    "\r\nBcc: evil@evil.invalid",
    "\nX-Evil: 1",
    "\r\n\r\n",
    "\r\n--",
    "=?utf-8?q?=0d=0aBcc:_x?=",
    "\"",
    "\\",
    "<evil@evil.invalid>",
    ", evil@evil.invalid",
    "(comment)",
    ";",
    ":",
    ",",
    "\r\nBEGIN:VALARM\r\n",
    "\r\nATTENDEE:mailto:evil@evil.invalid",
    "END:VEVENT",
    "\\n",
    "\\,",
    "^n",
    "<script>alert(1)</script>",
    "</title></textarea></style>",
    "<img src=x onerror=alert(1)>",
    "&lt;b&gt;",
    "\" onload=\"alert(1)",
    "{{ 7*7 }}",
    "]]>",
    "-->",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{feff}",
    "\u{1b}[31m",
    "Zoë 王 עברית",
    "plain words",
];

struct Texts(u64);

impl Texts {
    fn number(&mut self, below: usize) -> usize {
        // Knuth's generator; its upper bits are good enough to mix pieces.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % below
    }
    fn text(&mut self) -> String {
        let length = 1 + self.number(6);
        (0..length).map(|_| PIECES[self.number(PIECES.len())]).collect()
    }
}

fn mail(subject: &str, name: &str, from: &str) -> Mail {
    Mail {
        to_name: name.to_owned(),
        to_address: "ana@example.org".into(),
        from_name: from.to_owned(),
        subject: subject.to_owned(),
        text: "Hello\n".into(),
        html: "<p>Hello</p>".into(),
        calendar: None,
        message_id: "<n1@drydock.example>".into(),
        thread: Some("<window-1@drydock.example>".into()),
        at: "2026-11-20T12:00:00Z".parse().expect("a time"),
    }
}

/// The header fields of a message, unfolded: anything that is no field fails.
fn fields(raw: &str) -> Vec<(String, String)> {
    let head = raw.split("\r\n\r\n").next().expect("a head");
    assert!(head.is_ascii() && head.replace("\r\n", "").chars().all(|c| !c.is_control()), "{head:?}");
    let mut found: Vec<(String, String)> = Vec::new();
    for text in head.split("\r\n") {
        assert!(text.len() <= 998, "a line has at most 998 characters");
        if text.starts_with(' ') {
            found.last_mut().expect("a field before its continuation").1.push_str(text);
        } else {
            let (name, value) = text.split_once(": ").unwrap_or_else(|| panic!("no field: {text:?}"));
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{name:?}");
            found.push((name.to_owned(), value.to_owned()));
        }
    }
    found
}

/// Decodes encoded words in base64; white space between two of them is nothing.
fn decoded(value: &str) -> String {
    let (mut out, mut rest, mut after_word) = (String::new(), value, false);
    let mut bytes: Vec<u8> = Vec::new();
    loop {
        let Some(at) = rest.find("=?utf-8?b?") else {
            out.push_str(&String::from_utf8(std::mem::take(&mut bytes)).expect("UTF-8"));
            out.push_str(rest);
            return out;
        };
        let between = &rest[..at];
        if !(after_word && between.trim().is_empty()) {
            out.push_str(&String::from_utf8(std::mem::take(&mut bytes)).expect("UTF-8"));
            out.push_str(between);
        }
        let (word, more) = rest[at + 10..].split_once("?=").expect("a word ends");
        bytes.extend(base64::engine::general_purpose::STANDARD.decode(word).expect("base64"));
        (rest, after_word) = (more, true);
    }
}

/// A phrase: quoted, encoded or plain.
fn phrase(value: &str) -> String {
    let name = value.rsplit_once(" <").map_or("", |(name, _)| name);
    // Quotes inside an encoded word are part of the name.
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(inside) => inside.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => decoded(name),
    }
}

#[test]
fn no_text_adds_or_bends_a_header() {
    let mut texts = Texts(1);
    let from = "drydock@example.org".parse().expect("an address");
    let names: Vec<String> = fields(&formatted(&mail("s", "n", "f"), &from)).into_iter().map(|(name, _)| name).collect();
    for _ in 0..CASES {
        let (subject, name, sender) = (texts.text(), texts.text(), texts.text());
        let raw = formatted(&mail(&subject, &name, &sender), &from);
        let found = fields(&raw);
        assert_eq!(found.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), names, "{subject:?} {name:?} {sender:?}");
        let get = |name: &str| found.iter().find(|(is, _)| is == name).map(|(_, value)| value.as_str()).expect("there");
        assert!(get("To").ends_with("<ana@example.org>") || get("To") == "ana@example.org", "{}", get("To"));
        assert_eq!(get("To").matches('@').count() - phrase_ats(get("To")), 1, "one recipient: {}", get("To"));
        assert_eq!(squeezed(&decoded(get("Subject"))), squeezed(&line(&subject)), "{subject:?}");
        assert_eq!(squeezed(&phrase(get("To"))), squeezed(&line(&name)), "{name:?} in {}", get("To"));
        assert_eq!(raw.matches("\r\nContent-Type: text/").count(), 2, "two parts, and no more");
    }
}

fn formatted(mail: &Mail, from: &lettre::Address) -> String {
    String::from_utf8(mail.message(from).expect("built").formatted()).expect("ASCII")
}

/// At signs in the quoted name before the address.
fn phrase_ats(value: &str) -> usize {
    value.rsplit_once(" <").map_or(0, |(name, _)| name.matches('@').count())
}

/// Folding may stand for one space or several.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Name, parameters, value.
type ContentLine = (String, Vec<(String, String)>, String);

/// One content line of RFC 5545.
fn content_line(text: &str) -> ContentLine {
    let name: String = text.chars().take_while(|c| c.is_ascii_uppercase() || *c == '-').collect();
    assert!(!name.is_empty(), "no name: {text:?}");
    let (mut rest, mut parameters) = (&text[name.len()..], Vec::new());
    while let Some(more) = rest.strip_prefix(';') {
        let (key, value) = more.split_once('=').expect("a parameter has a value");
        assert!(key.chars().all(|c| c.is_ascii_uppercase()), "{key:?}");
        let (value, more) = if let Some(quoted) = value.strip_prefix('"') {
            quoted.split_once('"').expect("a quoted value ends")
        } else {
            value.split_at(value.find([';', ':']).expect("a value follows"))
        };
        assert!(!value.contains('"'), "{text:?}");
        parameters.push((key.to_owned(), value.to_owned()));
        rest = more;
    }
    (name, parameters, rest.strip_prefix(':').unwrap_or_else(|| panic!("no value: {text:?}")).to_owned())
}

/// TEXT of RFC 5545: every backslash begins one of four escapes, and commas and semicolons are escaped.
fn unescaped(value: &str) -> String {
    let (mut out, mut chars) = (String::new(), value.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => out.push('\n'),
                Some(c @ ('\\' | ';' | ',')) => out.push(c),
                other => panic!("a backslash before {other:?} in {value:?}"),
            },
            ';' | ',' => panic!("not escaped in {value:?}"),
            c => out.push(c),
        }
    }
    out
}

#[test]
fn no_text_adds_a_line_to_a_calendar() {
    let mut texts = Texts(2);
    let event = |summary: &str, description: &str, location: &str, name: &str| {
        CalendarEvent {
            uid: "window-1@drydock.example",
            sequence: 3,
            stamp: "2026-11-20T12:00:00Z".parse().expect("a time"),
            start: "2026-11-29T02:00:00Z".parse().expect("a time"),
            end: "2026-11-29T04:00:00Z".parse().expect("a time"),
            state: Certainty::Confirmed,
            summary,
            description,
            location,
            url: "https://drydock.example/windows/142",
            invitation: Some(Invitation { organizer: "drydock@example.org", name, address: "ana@example.org" }),
        }
        .part()
        .text
    };
    let lines = |text: &str| -> Vec<ContentLine> {
        assert!(text.replace("\r\n", "").chars().all(|c| !c.is_control()), "{text:?}");
        let whole = text.strip_suffix("\r\n").expect("a line end");
        // 75 octets; the library counts a continued line without the space it begins with.
        assert!(whole.split("\r\n").all(|line| line.strip_prefix(' ').unwrap_or(line).len() <= 75), "lines are folded: {text}");
        whole.replace("\r\n ", "").split("\r\n").map(content_line).collect()
    };
    let names = |text: &str| lines(text).into_iter().map(|(name, parameters, _)| (name, parameters.len())).collect::<Vec<_>>();
    let expected = names(&event("s", "d", "l", "n"));
    for _ in 0..CASES {
        let (summary, description, location, name) = (texts.text(), texts.text(), texts.text(), texts.text());
        let text = event(&summary, &description, &location, &name);
        assert_eq!(names(&text), expected, "{summary:?} {description:?} {location:?} {name:?}");
        let found = lines(&text);
        let get = |name: &str| found.iter().find(|(is, ..)| is == name).expect("there");
        assert_eq!(unescaped(&get("SUMMARY").2), line(&summary));
        assert_eq!(unescaped(&get("LOCATION").2), line(&location));
        assert_eq!(get("ATTENDEE").2, "mailto:ana@example.org", "{name:?}");
    }
}

/// The tags of a document, with the names of their attributes: what data must not change.
fn tags(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        let mut quoted = false;
        let end = rest.char_indices().find(|(_, c)| {
            quoted ^= *c == '"';
            *c == '>' && !quoted
        });
        let (end, _) = end.expect("a tag ends");
        found.push(rest[..end].split('"').step_by(2).collect::<Vec<_>>().join("\"\""));
        rest = &rest[end + 1..];
    }
    found
}

#[test]
fn no_text_becomes_a_tag_of_a_letter() {
    let letter = |one: &str, two: &str| Letter {
        subject: line(one),
        headline: line(two),
        lead: block(one),
        rows: vec![("What", line(two)), ("Where", line(one))],
        button: Some(Button { label: line(two), url: "https://drydock.example/a/x".into() }),
        paragraphs: vec![block(one)],
        commands: vec![Command { what: line(two), text: block(one) }],
        digest: "abcd".into(),
        head: "none".into(),
        because: line(one),
        page: "https://drydock.example/windows/1".into(),
        installation: line(two),
    };
    let expected = tags(&letter("s", "t").html().expect("rendered"));
    assert!(expected.len() > 20, "{expected:?}");
    let mut texts = Texts(3);
    for _ in 0..400 {
        let (one, two) = (texts.text(), texts.text());
        let letter = letter(&one, &two);
        let html = letter.html().expect("rendered");
        assert_eq!(tags(&html), expected, "{one:?} {two:?}");
        for text in [html, letter.text().expect("rendered")] {
            assert!(text.chars().all(|c| matches!(c, '\n' | '\t') || !is_hidden(c)), "{one:?} {two:?}");
        }
    }
}
