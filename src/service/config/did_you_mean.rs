//! Finds the setting that somebody meant who wrote a key that does not exist.

use crate::config::keys::DEFAULTS;

/// A key is suggested from this likeness on. A missing letter or two swapped ones stay above it, another word
/// is below it.
const ALIKE: f64 = 0.8;

/// The key most like this path; several when they are equally like it.
pub(super) fn nearest(path: &[String]) -> Vec<&'static str> {
    // this compares `limits_headers`, `limits-headers` and `limits.headers` as the same name
    let flat = |key: &str| key.to_ascii_lowercase().replace(['-', '.'], "_");
    let given = flat(&path.join("."));
    let last = path.last().map(String::as_str).unwrap_or_default();
    let mut scored = DEFAULTS
        .iter()
        .map(|setting| {
            let key = setting.key.as_str();
            let likeness = strsim::normalized_damerau_levenshtein(&given, &flat(key));
            // the right key in the wrong section, or without a section
            let moved = key.rsplit_once('.').is_some_and(|(_, name)| name == last);
            (if moved { likeness.max(ALIKE) } else { likeness }, key)
        })
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect::<Vec<_>>();
    let best = scored.iter().map(|(likeness, _)| *likeness).fold(0.0, f64::max);
    scored.retain(|(likeness, _)| *likeness >= best);
    scored.into_iter().map(|(_, key)| key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_gets_the_right_key() {
        let nearest = |key: &str| nearest(&key.split('.').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(nearest("limits.heders"), ["limits.headers"]);
        assert_eq!(nearest("limits_in_flight"), ["limits.in_flight"]);
        assert_eq!(nearest("mesage"), ["message"]);
        assert_eq!(nearest("listen"), ["public.listen", "ops.listen"]);
        assert_eq!(nearest("fan-out.peers"), ["fanout.peers"]);
        assert!(nearest("colour.scheme").is_empty());
    }
}
