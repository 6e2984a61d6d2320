use super::*;
use proptest::prelude::*;

#[test]
fn hidden_characters_become_visible() {
    assert_eq!(visible("a\u{202e}b\u{7}"), "a\u{27e8}U+202E\u{27e9}b\u{27e8}U+0007\u{27e9}");
    assert_eq!(visible("one\r\ntwo\n\tthree\rfour"), "one\r\ntwo\n\tthree\u{27e8}U+000D\u{27e9}four");
    assert_eq!(visible("Zoë Ünal 王 עברית ✓"), "Zoë Ünal 王 עברית ✓");
    for c in ['\u{61c}', '\u{2028}', '\u{2066}', '\u{206a}', '\u{3164}', '\u{e0041}', '\u{85}', '\u{fffe}', '\u{10ffff}'] {
        assert_eq!(visible(&c.to_string()), format!("\u{27e8}U+{:04X}\u{27e9}", u32::from(c)));
        assert!(!name(c).is_empty());
    }
}

#[test]
fn a_document_shows_what_was_hidden_and_says_what_it_was() {
    let shown = document("<p title=\"x\u{202e}y\">a\u{202e}b</p><!-- \u{202e} -->");
    assert_eq!(
        shown,
        "<p title=\"x⟨U+202E⟩y\">a<span class=\"revealed\" title=\"right-to-left override: turns text around\">⟨U+202E⟩</span>b</p><!-- \u{202e} -->"
    );
    assert!(matches!(document("<p>plain</p>"), Cow::Borrowed(_)));
}

#[test]
fn what_is_sent_again_and_what_programs_read_stays() {
    let kept =
        "<input name=\"x\" value=\"a\u{202e}\"><textarea>\nb\u{202e}</textarea><leptos-island data-props=\"\u{202e}\"></leptos-island>";
    let with = format!("{kept}<p>\u{7}</p>");
    let shown = document(&with);
    assert!(shown.starts_with(kept), "{shown}");
    assert!(shown.ends_with("⟨U+0007⟩</span></p>"), "{shown}");
}

#[test]
fn where_no_element_may_stand_the_marker_is_text() {
    for (around, end) in [("<title>", "</title>"), ("<option value=\"1\">", "</option>"), ("<svg><text>", "</text></svg>")] {
        assert_eq!(document(&format!("{around}a\u{200b}b{end}")), format!("{around}a⟨U+200B⟩b{end}"));
    }
    let nested = document("<leptos-island><p>\u{200b}</p></leptos-island><p>\u{200b}</p>");
    assert!(nested.starts_with("<leptos-island><p>⟨U+200B⟩</p></leptos-island><p><span"), "{nested}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn nothing_hidden_is_left_and_nothing_else_changes(text in any::<String>()) {
        let shown = visible(&text);
        prop_assert!(shown.chars().all(|c| matches!(c, '\n' | '\t' | '\r') || !is_hidden(c)));
        prop_assert!(!shown.replace("\r\n", "\n").contains('\r'));
        let kept: String = text.chars().filter(|c| !is_hidden(*c)).collect();
        let back: String = shown.split('\u{27e8}').enumerate().map(|(n, part)| if n == 0 { part.to_owned() } else { part.split_once('\u{27e9}').map_or(part, |(_, rest)| rest).to_owned() }).collect();
        if !text.contains(['\u{27e8}', '\u{27e9}']) {
            prop_assert_eq!(back.replace(['\n', '\t', '\r'], ""), kept);
        }
    }

    /// Whatever data a page holds, escaped as the renderer does: its elements stay the same, and its text holds nothing hidden.
    #[test]
    fn a_document_keeps_its_elements(text in any::<String>(), attribute in any::<String>()) {
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        let html = format!("<main><p title=\"{}\">{}</p><b>end</b></main>", escaped(&attribute), escaped(&text));
        let shown = document(&html);
        let expected = format!("<main><p title=\"{}\">", escaped(&visible(&attribute)));
        prop_assert!(shown.starts_with(&expected), "{}", shown);
        prop_assert!(shown.ends_with("</p><b>end</b></main>"));
        // Without our own markers, the text is the visible text.
        let inner = shown.strip_prefix(&expected).and_then(|rest| rest.strip_suffix("</p><b>end</b></main>")).unwrap_or_default();
        let mut bare = inner.replace("</span>", "");
        while let Some(at) = bare.find("<span class=\"revealed\" title=\"") {
            let end = bare[at..].find("\">⟨").map_or(bare.len(), |found| at + found + 2);
            bare.replace_range(at..end, "");
        }
        prop_assert_eq!(bare, escaped(&visible(&text)));
    }
}
