//! The list of a `tracestate` (<https://www.w3.org/TR/trace-context-2/#tracestate-header>): it is read from
//! all headers of that name, and shortened by whole members to the size that may be passed on.

use http::HeaderValue;

/// The most members of a list.
const MAX_MEMBERS: usize = 32;
/// The most bytes that are passed on; every implementation should accept this many.
const MAX_BYTES: usize = 512;
/// Members longer than this are removed first.
const LONG_MEMBER_BYTES: usize = 128;
/// The most bytes of a key, and of a value.
const MAX_PART_BYTES: usize = 256;

/// The list to pass on. None if it is empty, or if anything in it is malformed: nobody can use such a list.
pub(super) fn pass_on<'a>(headers: impl Iterator<Item = &'a HeaderValue>) -> Option<HeaderValue> {
    let mut members: Vec<&[u8]> = headers
        .flat_map(|header| header.as_bytes().split(|byte| *byte == b','))
        .map(trim)
        .filter(|member| !member.is_empty())
        .collect();
    if !members.iter().all(|member| is_member(member)) {
        return None;
    }
    members.truncate(MAX_MEMBERS);
    // the length includes the commas between the members
    let length =
        |members: &[&[u8]]| members.iter().map(|member| member.len() + 1).sum::<usize>().saturating_sub(1);
    while length(&members) > MAX_BYTES {
        let long = members.iter().rposition(|member| member.len() > LONG_MEMBER_BYTES);
        members.remove(long.unwrap_or(members.len() - 1));
    }
    (!members.is_empty()).then(|| HeaderValue::from_bytes(&members.join(&b","[..])).ok()).flatten()
}

/// Removes optional whitespace (OWS) around a member.
fn trim(mut member: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = member {
        member = rest;
    }
    member
}

fn is_member(member: &[u8]) -> bool {
    let Some(end) = member.iter().position(|byte| *byte == b'=') else { return false };
    let (key, value) = (&member[..end], &member[end + 1..]);
    let of_key = |byte: &u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@')
    };
    let of_value = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'=';
    key.first().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
        && key.iter().all(of_key)
        && !value.is_empty()
        && value.iter().all(of_value)
        && key.len().max(value.len()) <= MAX_PART_BYTES
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn passed_on(headers: &[&str]) -> Option<String> {
        let headers: Vec<HeaderValue> = headers.iter().map(|value| value.parse().unwrap()).collect();
        pass_on(headers.iter()).map(|value| value.to_str().unwrap().to_owned())
    }

    fn list(members: impl IntoIterator<Item = usize>) -> String {
        members.into_iter().map(|number| format!("k{number}=1")).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn all_headers_make_one_list_without_space_and_empty_members() {
        for (headers, expected) in [
            (&["a=1", "b=2,c=3"][..], "a=1,b=2,c=3"),
            (&["a=1 ,\t b=2,, ,", "", "c=3"], "a=1,b=2,c=3"),
            (&["0a-_*/@z=a b!~"], "0a-_*/@z=a b!~"),
            (&["a=1,a=2"], "a=1,a=2"),
        ] {
            assert_eq!(passed_on(headers).as_deref(), Some(expected), "{headers:?}");
        }
        assert_eq!(passed_on(&["", " ,"]), None);
    }

    #[test]
    fn a_malformed_list_is_dropped_whole() {
        let long = "x".repeat(257);
        for bad in [
            "junk", "=x", "A=1", "a b=1", "a =1", "a= ", "a=", "a==1", "a=1=2", "@a=1", "_a=1", "a=\u{e9}",
            "a=b\tc",
        ]
        .map(str::to_owned)
        .into_iter()
        .chain([format!("{long}=1"), format!("a={long}")])
        {
            assert_eq!(passed_on(&["good=1", &bad]), None, "{bad}");
        }
        let longest = "x".repeat(256);
        assert!(passed_on(&[&format!("a={longest}")]).is_some());
    }

    #[test]
    fn a_list_has_at_most_32_members() {
        assert_eq!(passed_on(&[&list(0..32)]), Some(list(0..32)));
        assert_eq!(passed_on(&[&list(0..20), &list(20..33)]), Some(list(0..32)));
    }

    #[test]
    fn long_members_are_removed_first_then_those_at_the_end() {
        let member = |key: &str, length: usize| format!("{key}={}", "x".repeat(length - key.len() - 1));
        let list = |members: &[(&str, usize)]| {
            members.iter().map(|(key, length)| member(key, *length)).collect::<Vec<_>>().join(",")
        };
        for (sent, passed) in [
            (
                &[("a", 129), ("b", 128), ("c", 200), ("d", 128)][..],
                &[("a", 129), ("b", 128), ("d", 128)][..],
            ),
            (
                &[("a", 128), ("b", 128), ("c", 128), ("d", 125)],
                &[("a", 128), ("b", 128), ("c", 128), ("d", 125)],
            ),
            (&[("a", 128), ("b", 128), ("c", 128), ("d", 126)], &[("a", 128), ("b", 128), ("c", 128)]),
        ] {
            assert_eq!(passed_on(&[&list(sent)]), Some(list(passed)), "{sent:?}");
        }
    }

    proptest! {
        #[test]
        fn any_input_yields_a_list_or_none(value in "[ -~\t]{0,700}|([a-c]{1,3}=[ -~]{1,90},? ?){0,60}") {
            if let Some(list) = passed_on(&[&value]) {
                prop_assert!(list.len() <= 512 && list.split(',').count() <= 32);
                prop_assert_eq!(passed_on(&[&list]), Some(list.clone()));
            }
        }
    }
}
