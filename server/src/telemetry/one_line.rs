//! A writer that keeps every event on one line, and shows what would move the cursor, forge a line or hide.

use std::fmt::Write as _;
use std::io::{self, Write};

use domain::reveal::is_hidden;

/// What the lines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One JSON object a line: escapes are those of JSON, so that programs read the very same text.
    Json,
    /// Words, without colours: a sequence that sets one looks the same from the formatter and from data.
    Text,
}

/// See the module. Takes one whole event a call, as the formatter hands it over.
#[derive(Debug)]
pub struct OneLine<W> {
    to: W,
    form: Form,
}

impl<W: Write> OneLine<W> {
    /// Writes to `to`.
    pub fn new(to: W, form: Form) -> Self {
        Self { to, form }
    }
}

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        self.to.write_all(line(&text, self.form).as_bytes())?;
        Ok(event.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// One event as one line.
fn line(event: &str, form: Form) -> String {
    let event = event.strip_suffix('\n').unwrap_or(event);
    let mut out = String::with_capacity(event.len() + 1);
    for c in event.chars() {
        if !is_hidden(c) {
            out.push(c);
        } else if form == Form::Json {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.extend(c.escape_default());
        }
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::fmt;

    /// Where the lines of a test go.
    #[derive(Debug, Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("one thread").write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Kept {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("one thread").clone()).expect("UTF-8")
        }
    }

    /// Texts made of the pieces that forge lines and steer terminals, in every order a counter gives.
    fn hostile() -> impl Iterator<Item = String> {
        let pieces = [
            "\r\n",
            "\n",
            "\r",
            "\u{1b}[2J",
            "\u{1b}[31mred",
            "\u{9b}1m",
            "\u{202e}",
            "\u{2028}",
            "\0",
            "\u{7}",
            "\u{7f}",
            "\"}",
            "\\",
            "{\"level\":\"INFO\"}",
            "2026-11-26T00:00:00Z  INFO forged",
            "\u{e0041}",
            "ä王",
        ];
        (0..10_000usize)
            .map(move |n| (0..5).map(|place| pieces[(n / pieces.len().pow(place % 3) + n * place as usize) % pieces.len()]).collect())
    }

    fn logged(form: Form) -> Vec<String> {
        let kept = Kept::default();
        let to = kept.clone();
        let subscriber = fmt().with_writer(move || OneLine::new(to.clone(), form));
        let say = || {
            for text in hostile() {
                tracing::info!(shown = %text, debugged = ?text, text, "{text}");
            }
        };
        match form {
            Form::Json => tracing::subscriber::with_default(subscriber.json().flatten_event(true).finish(), say),
            Form::Text => tracing::subscriber::with_default(subscriber.with_ansi(false).finish(), say),
        }
        let text = kept.text();
        assert!(text.ends_with('\n'));
        text.strip_suffix('\n').expect("ended").split('\n').map(str::to_owned).collect()
    }

    #[test]
    fn json_is_one_object_a_line_and_says_exactly_what_was_said() {
        let lines = logged(Form::Json);
        assert_eq!(lines.len(), hostile().count());
        for (line, text) in lines.iter().zip(hostile()) {
            assert!(line.chars().all(|c| !is_hidden(c)), "{line:?}");
            let event: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert_eq!((event["text"].as_str(), event["shown"].as_str()), (Some(text.as_str()), Some(text.as_str())), "{line}");
        }
    }

    #[test]
    fn words_are_one_line_an_event_with_nothing_hidden() {
        let lines = logged(Form::Text);
        assert_eq!(lines.len(), hostile().count());
        assert!(lines.iter().all(|line| line.chars().all(|c| !is_hidden(c))));
    }
}
