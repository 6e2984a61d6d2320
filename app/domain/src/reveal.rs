//! The one text sink: what a reader cannot see, or what reorders what he sees, becomes visible.
//!
//! [`visible`] is for text of any kind: mails, calendar entries, exports, logs, the page behind a link. [`document`] is for a rendered HTML
//! document, whoever wrote the page: it is the last thing a page passes, so that no page has to remember it.

use std::borrow::Cow;

/// Characters that a reader cannot see or that reorder what he sees: never accepted in names, made visible in every other text.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// What a hidden character does, for the title of its marker.
#[must_use]
pub fn name(c: char) -> &'static str {
    match c {
        '\0' => "NUL character",
        '\u{7}' => "bell",
        '\u{8}' => "backspace",
        '\r' => "carriage return: goes back to the beginning of the line",
        '\u{1b}' => "escape: begins a terminal command",
        '\u{7f}' => "delete",
        '\u{ad}' => "soft hyphen",
        '\u{61c}' | '\u{200e}' | '\u{200f}' => "mark of a writing direction",
        '\u{200b}' => "space of no width",
        '\u{200c}' | '\u{200d}' | '\u{2060}' => "joiner of no width",
        '\u{2028}' | '\u{2029}' => "line or paragraph separator",
        '\u{202a}' | '\u{202b}' => "embedding that turns the direction of text",
        '\u{202c}' | '\u{2069}' => "end of a turned direction",
        '\u{202d}' => "left-to-right override: turns text around",
        '\u{202e}' => "right-to-left override: turns text around",
        '\u{2066}'..='\u{2068}' => "isolate that turns the direction of text",
        '\u{feff}' => "byte order mark, of no width",
        '\u{e0000}'..='\u{e0fff}' => "tag character: text that nobody sees",
        c if c.is_control() => "control character",
        _ => "character that is not seen",
    }
}

/// Line breaks and tabs are seen as what they are. A carriage return is one only before its line feed.
fn stays(c: char, next: Option<char>) -> bool {
    matches!(c, '\n' | '\t') || (c == '\r' && next == Some('\n')) || !is_hidden(c)
}

fn marker(c: char) -> String {
    format!("\u{27e8}U+{:04X}\u{27e9}", u32::from(c))
}

/// Text with hidden and direction-changing characters replaced by their code points: `⟨U+202E⟩`.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if stays(c, chars.peek().copied()) {
            out.push(c);
        } else {
            out.push_str(&marker(c));
        }
    }
    out
}

/// Elements in which a marker is text alone: what they hold may have no elements, or is walked by a program that expects none.
const PLAIN: [&str; 5] = ["title", "option", "svg", "leptos-island", "button"];
/// Elements whose content is taken as it is: what a person typed and sends again, and what our own programs read.
const VERBATIM: [&str; 3] = ["textarea", "script", "style"];

/// A rendered document in which every hidden character that a reader would meet is visible.
///
/// In text it becomes a marker that says in its title what it was, in attributes the marker alone. Left as they are: the values of form
/// fields, which are sent again, and `data-` attributes, which programs read. `html` is what our own renderer wrote: tags are well formed,
/// and every `<` of data is escaped.
#[must_use]
pub fn document(html: &str) -> Cow<'_, str> {
    let mut chars = html.chars().peekable();
    let mut calm = true;
    while let Some(c) = chars.next() {
        if !stays(c, chars.peek().copied()) {
            calm = false;
            break;
        }
    }
    if calm {
        return Cow::Borrowed(html);
    }
    let mut walk = Walk { out: String::with_capacity(html.len() + 256), rest: html, plain: 0 };
    while !walk.rest.is_empty() {
        walk.text();
        walk.markup();
    }
    Cow::Owned(walk.out)
}

struct Walk<'h> {
    out: String,
    rest: &'h str,
    /// How many elements of [`PLAIN`] are open.
    plain: usize,
}

impl<'h> Walk<'h> {
    fn take(&mut self, length: usize) -> &'h str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// Up to the next tag.
    fn text(&mut self) {
        let text = self.take(self.rest.find('<').unwrap_or(self.rest.len()));
        if self.plain > 0 {
            self.out.push_str(&visible(text));
            return;
        }
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if stays(c, chars.peek().copied()) {
                self.out.push(c);
            } else {
                let marked = format!("<span class=\"revealed\" title=\"{}\">{}</span>", name(c), marker(c));
                self.out.push_str(&marked);
            }
        }
    }

    /// One tag or comment, and the content of an element that is taken as it is.
    fn markup(&mut self) {
        if self.rest.is_empty() {
            return;
        }
        if self.rest.starts_with("<!--") {
            let end = self.rest.find("-->").map_or(self.rest.len(), |at| at + 3);
            let comment = self.take(end);
            return self.out.push_str(comment);
        }
        let tag = self.take(end_of_tag(self.rest));
        let closing = tag.starts_with("</");
        let name: String = tag.trim_start_matches(['<', '/']).chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        self.attributes(tag);
        if PLAIN.contains(&name.as_str()) && !tag.ends_with("/>") {
            self.plain = if closing { self.plain.saturating_sub(1) } else { self.plain + 1 };
        }
        if VERBATIM.contains(&name.as_str()) && !closing {
            let end = self.rest.find(&format!("</{name}")).unwrap_or(self.rest.len());
            let content = self.take(end);
            self.out.push_str(content);
        }
    }

    /// A tag, with the values of its attributes made visible where a reader meets them.
    fn attributes(&mut self, tag: &str) {
        for (position, part) in tag.split('"').enumerate() {
            if position > 0 {
                self.out.push('"');
            }
            let kept = position % 2 == 1 && {
                let before = self.out.trim_end_matches('"').trim_end_matches('=');
                let name = before.rsplit(|c: char| c.is_whitespace()).next().unwrap_or_default();
                name == "value" || name == "href" || name == "action" || name.starts_with("data-")
            };
            if kept {
                self.out.push_str(part);
            } else {
                self.out.push_str(&visible(part));
            }
        }
    }
}

/// Where the tag that begins here ends: at the first `>` outside quotation marks.
fn end_of_tag(rest: &str) -> usize {
    let mut quoted = false;
    for (at, c) in rest.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '>' if !quoted => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
#[path = "reveal_tests.rs"]
mod tests;
