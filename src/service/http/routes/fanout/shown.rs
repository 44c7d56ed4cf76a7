//! Texts and times as the page shows them.

use html_escape::encode_text;

/// The most characters of a text that are shown.
const SHOWN: usize = 120;

/// The part of a text that is shown, escaped.
pub(super) fn text(text: &str) -> String {
    encode_text(&shortened(text)).into_owned()
}

/// The part of a text that is shown.
pub(super) fn shortened(text: &str) -> String {
    let mut characters = text.chars();
    let mut shown: String = characters.by_ref().take(SHOWN).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// A time as text with three significant digits. A peer can claim any number; one that no request can have
/// taken is shown as `?`.
pub(super) fn milliseconds(value: f64) -> String {
    match value {
        0.0 => "0 ms".into(),
        0.0..9.995 => format!("{value:.2} ms"),
        9.995..99.95 => format!("{value:.1} ms"),
        99.95..1e6 => format!("{value:.0} ms"),
        1e6..1e9 => format!("{:.0} s", value / 1e3),
        _ => "? ms".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_three_digits_and_a_unit() {
        for (value, shown) in [
            (0.0, "0 ms"),
            (0.004, "0.00 ms"),
            (9.99, "9.99 ms"),
            (9.995, "10.0 ms"),
            (99.9, "99.9 ms"),
            (99.96, "100 ms"),
            (999_999.0, "999999 ms"),
            (1e6, "1000 s"),
            (1e9, "? ms"),
            (-1.0, "? ms"),
            (f64::NAN, "? ms"),
        ] {
            assert_eq!(milliseconds(value), shown, "{value}");
        }
    }
}
