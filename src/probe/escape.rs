//! Makes control characters visible, so that no value can begin a line, command a terminal or change the
//! order in which text is shown.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, Write},
};

/// The text, with every control character (C0, DEL, C1), line separator and change of direction written as in
/// JSON: `\n`, `\r`, `\t`, else `\u001b`.
#[must_use]
pub fn controls(text: &str) -> Cow<'_, str> {
    // C1 is encoded as 0xC2 and a byte below 0xA0; separators and changes of direction begin with 0xE2
    let suspicious = |byte: u8| byte < 0x20 || matches!(byte, 0x7f | 0xc2 | 0xe2);
    if !text.bytes().any(suspicious) || !text.chars().any(hidden) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            c if hidden(c) => {
                let _ = write!(escaped, "\\u{:04x}", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped.into()
}

/// Whether a character acts instead of being shown: controls, LINE and PARAGRAPH SEPARATOR, and those of the
/// Unicode bidirectional algorithm.
fn hidden(c: char) -> bool {
    let directs = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    directs || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// The longest beginning of the text that has at most `limit` bytes.
#[must_use]
pub fn cap(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

/// A writer that takes one event per call, as the `fmt` layer does, and keeps only the line break at its end.
pub struct Lines<W>(pub W);

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        self.0.write_all(controls(line).as_bytes())?;
        self.0.write_all(b"\n")?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn controls_become_visible() {
        assert_eq!(controls("plain \u{a0} täxt"), "plain \u{a0} täxt");
        assert_eq!(
            controls("a\r\nb\tc\0\u{1b}[31m\u{7f}\u{9b}"),
            "a\\r\\nb\\tc\\u0000\\u001b[31m\\u007f\\u009b"
        );
        assert_eq!(controls("a\u{2028}b\u{202e}c\u{2069}… –"), "a\\u2028b\\u202ec\\u2069… –");
    }

    #[test]
    fn a_cap_does_not_split_a_character() {
        assert_eq!(cap("häh", 2), "h");
        assert_eq!(cap("häh", 3), "hä");
        assert_eq!(cap("häh", 99), "häh");
    }

    proptest! {
        #[test]
        fn every_event_is_one_line(text: String) {
            let mut written = Vec::new();
            Lines(&mut written).write_all(format!("{text}\n").as_bytes()).unwrap();
            let written = String::from_utf8(written).unwrap();
            let line = written.strip_suffix('\n').unwrap();
            prop_assert!(!line.chars().any(hidden));
        }
    }
}
