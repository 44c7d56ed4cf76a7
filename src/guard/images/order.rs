//! Which of two image versions is the newer one, and which names a version may have.

use std::cmp::Ordering;

/// Longest name: `uecho_VERSION_verity` is the label of a partition, which has 36 characters.
pub(crate) const LONGEST: usize = 23;

/// Characters that say that a version is older, or of which branch; from the weakest to the strongest.
const DIVIDERS: [u8; 3] = *b"-^.";

/// Orders as the boot loader and systemd-sysupdate do, by the Version Format Specification of the UAPI group.
/// The crate `uapi-version` (0.4) takes 1.02 and 1.2 for different versions, the specification does not.
#[must_use]
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        (a, b) = (valid(a), valid(b));
        match divide(&mut a, &mut b, b'~') {
            Ordering::Equal if a.is_empty() || b.is_empty() => return b.is_empty().cmp(&a.is_empty()),
            Ordering::Equal => {}
            different => return different,
        }
        for divider in DIVIDERS {
            let order = divide(&mut a, &mut b, divider);
            if order.is_ne() {
                return order;
            }
        }
        let is_digit = |text: &[u8]| text.first().is_some_and(u8::is_ascii_digit);
        let order = if is_digit(a) || is_digit(b) { numbers(&mut a, &mut b) } else { words(&mut a, &mut b) };
        if order.is_ne() {
            return order;
        }
    }
}

/// The rest of a text from the first character on that a version can have.
fn valid(text: &[u8]) -> &[u8] {
    let is_valid = |byte: &u8| byte.is_ascii_alphanumeric() || b"~-^.".contains(byte);
    &text[text.iter().position(is_valid).unwrap_or(text.len())..]
}

/// The version that has the divider here is the older one; if both have it, it is skipped.
fn divide(a: &mut &[u8], b: &mut &[u8], divider: u8) -> Ordering {
    let has = |text: &[u8]| text.first() == Some(&divider);
    let order = has(b).cmp(&has(a));
    if has(a) && has(b) {
        (*a, *b) = (&a[1..], &b[1..]);
    }
    order
}

/// Compares by value; no digits are older than any digits.
fn numbers(a: &mut &[u8], b: &mut &[u8]) -> Ordering {
    let (one, other) = (take(a, u8::is_ascii_digit), take(b, u8::is_ascii_digit));
    let value = |digits: &[u8]| {
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        (digits.len() - zeros, digits[zeros..].to_vec())
    };
    one.is_empty().cmp(&other.is_empty()).reverse().then_with(|| value(one).cmp(&value(other)))
}

/// Compares by the alphabet, capitals first; if one is the beginning of the other, the longer one is newer.
fn words(a: &mut &[u8], b: &mut &[u8]) -> Ordering {
    take(a, u8::is_ascii_alphabetic).cmp(take(b, u8::is_ascii_alphabetic))
}

fn take<'a>(text: &mut &'a [u8], wanted: impl Fn(&u8) -> bool) -> &'a [u8] {
    let end = text.iter().position(|byte| !wanted(byte)).unwrap_or(text.len());
    let (taken, rest) = text.split_at(end);
    *text = rest;
    taken
}

/// What is wrong with the name of a version, and what would be right; `None` if it is right. Upper case is
/// not allowed, because the boot loader ignores the case of names, and `_` and `+` are dividers in the names
/// of files.
#[must_use]
pub(crate) fn problem(version: &str) -> Option<String> {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'~' | b'^' | b'-')
    };
    if version.is_empty() || version.len() > LONGEST {
        return Some(format!("is {} characters long, expected 1 to {LONGEST}", version.chars().count()));
    }
    let wrong = version.chars().find(|character| !u8::try_from(*character).is_ok_and(allowed))?;
    Some(format!("has a {wrong:?}, expected lower-case letters, digits and . ~ ^ -"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each list from the oldest to the newest: the examples of the specification, and of
    /// `systemd-analyze compare-versions`.
    const OLDEST_FIRST: [&[&str]; 11] = [
        &["~1", "", "1"],
        &["1~rc1", "1", "1.1"],
        &[
            "122.1",
            "123~rc1-1",
            "123",
            "123-a",
            "123-a.1",
            "123-1",
            "123-1.1",
            "123^post1",
            "123.a-1",
            "123.1-1",
        ],
        &["123a-1", "124-1"],
        &["1.0.0~rc1", "1.0.0", "1.0.0-1", "1.0.0^1", "1.0.1", "1.0.10", "1.1.0", "2.0.0", "10.0.0"],
        &["aa", "aab", "ab", "b", "1"],
        &["5.2~beta", "5.2", "5.2-1", "5.2.1", "5.10"],
        &["26.05.20260101", "26.05.20261129", "26.11"],
        &["1.2-3", "1.2^", "1.2.0"],
        // what other implementations were found to order otherwise
        &["02", "2-a^"],
        &["~", "~~0^", "2a0"],
    ];

    #[test]
    fn versions_are_ordered_as_the_specification_says() {
        for list in OLDEST_FIRST {
            for (index, a) in list.iter().enumerate() {
                for (other, b) in list.iter().enumerate() {
                    assert_eq!(compare(a, b), index.cmp(&other), "{a} {b}");
                }
            }
        }
        for (a, b) in [("1_", "1"), ("1.02", "1.2"), ("a", "_a"), ("1.0", "1.00")] {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
    }

    #[test]
    fn a_wrong_name_is_told_with_what_would_be_right() {
        for right in ["1", "1.2.3", "26.05~rc1", "1^2-3", "12345678901234567890123"] {
            assert_eq!(problem(right), None, "{right}");
        }
        for (wrong, part) in [
            ("", "1 to 23"),
            ("123456789012345678901234", "24 characters"),
            ("1_2", "'_'"),
            ("1+2", "'+'"),
            ("1.2-RC", "'R'"),
            ("1/2", "'/'"),
            ("1ü", "'ü'"),
        ] {
            assert!(problem(wrong).unwrap().contains(part), "{wrong}: {:?}", problem(wrong));
        }
    }

    proptest! {
        #[test]
        fn it_is_an_order(a in "[a-z0-9.~^-]{1,8}", b in "[a-z0-9.~^-]{1,8}", c in "[a-z0-9.~^-]{1,8}") {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            prop_assert_eq!(compare(&a, &a), Ordering::Equal);
            if compare(&a, &b) != Ordering::Greater && compare(&b, &c) != Ordering::Greater {
                prop_assert_ne!(compare(&a, &c), Ordering::Greater, "{} {} {}", a, b, c);
            }
        }
    }
}
