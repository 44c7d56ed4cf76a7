//! Splits `NIX_SSHOPTS` into words, as Nix does it (`shellSplitString`), so that ssh gets the same options
//! from both: quotes and backslashes have their meaning, and nothing is expanded.
//!
//! This does not use the crates `shlex` and `shell-words`: to them a newline ends a word and `#` begins a
//! comment, to Nix both are characters like any other.

use std::str::Chars;

/// The words of a text. `None` if a quote is not closed, or if a backslash is the last character.
#[must_use]
pub(crate) fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        match next {
            ' ' | '\t' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(rest.next()?),
            '\'' => single_quoted(&mut rest, word.get_or_insert_default())?,
            '"' => double_quoted(&mut rest, word.get_or_insert_default())?,
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

fn single_quoted(rest: &mut Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match rest.next()? {
            '\'' => return Some(()),
            other => word.push(other),
        }
    }
}

/// Between double quotes, a backslash is a character like any other unless one of these follows.
fn double_quoted(rest: &mut Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match rest.next()? {
            '"' => return Some(()),
            '\\' => match rest.next()? {
                escaped @ ('$' | '`' | '"' | '\\') => word.push(escaped),
                other => word.extend(['\\', other]),
            },
            other => word.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_those_of_nix() {
        for (text, words) in [
            ("", &[][..]),
            (" \t ", &[]),
            ("-p 22", &["-p", "22"]),
            ("  -p\t22 ", &["-p", "22"]),
            (r#"-i "/a b/key""#, &["-i", "/a b/key"]),
            (r"'a b'c\ d", &["a bc d"]),
            (r#"'' """#, &["", ""]),
            (r#""\q \" \$ \` \\""#, &[r#"\q " $ ` \"#]),
            (r"'\' \'", &[r"\", "'"]),
            ("$HOME * ~ `x`", &["$HOME", "*", "~", "`x`"]),
            ("a\nb #c", &["a\nb", "#c"]),
            ("\\\n", &["\n"]),
            ("é\\é", &["éé"]),
        ] {
            assert_eq!(split(text).unwrap(), words, "{text}");
        }
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        for wrong in ["'a", "\"a", "\"a\\\"", "a\\", "\"a\\"] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_quoted_text_is_one_word(words in prop::collection::vec(r#"[ \t\n'"\\a$#é]{0,8}"#, 0..5)) {
            let single = |word: &String| format!("'{}'", word.replace('\'', r"'\''"));
            let double = |word: &String| format!("\"{}\"", word.replace('\\', r"\\").replace('"', r#"\""#));
            for quote in [single, double as fn(&String) -> String] {
                let text = words.iter().map(quote).collect::<Vec<_>>().join(" \t");
                prop_assert_eq!(split(&text), Some(words.clone()));
            }
        }
    }
}
