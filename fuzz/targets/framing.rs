//! HTTP/1 framing: what we let through, hyper's parser cuts into the same requests, however the bytes arrive.

#![no_main]

use httparse::{EMPTY_HEADER, Header, Request, Status};
use libfuzzer_sys::fuzz_target;
use uecho::net::scanner::verdict;

/// Longer than any input.
const HEAD_BYTES: usize = 1 << 16;

fuzz_target!(|input: &[u8]| {
    // the first byte says how the rest arrives
    let Some((split, bytes)) = input.split_first() else { return };
    let whole = verdict([bytes], HEAD_BYTES);
    assert_eq!(verdict(bytes.chunks(usize::from(*split) + 1), HEAD_BYTES), whole, "in pieces");
    assert_eq!(verdict(bytes.chunks(1), HEAD_BYTES), whole, "byte by byte");

    if let (ours, None) = whole
        && let Some(theirs) = heads(bytes)
    {
        assert_eq!(ours, theirs, "{}", bytes.escape_ascii());
    }
});

/// How many heads are complete; `None` when hyper's parser refuses something.
fn heads(mut bytes: &[u8]) -> Option<u32> {
    for count in 0.. {
        let mut headers = [EMPTY_HEADER; 64];
        let mut request = Request::new(&mut headers);
        let Status::Complete(end) = request.parse(bytes).ok()? else { return Some(count) };
        match after_body(request.headers, &bytes[end..])? {
            Status::Complete(rest) => bytes = rest,
            Status::Partial => return Some(count + 1),
        }
    }
    unreachable!()
}

/// What follows the body.
fn after_body<'a>(headers: &[Header<'_>], bytes: &'a [u8]) -> Option<Status<&'a [u8]>> {
    let value = |name: &str| {
        headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
    };
    match (value("transfer-encoding"), value("content-length")) {
        (Some(_), _) => after_chunks(bytes),
        (None, Some(length)) => {
            let length = std::str::from_utf8(length).unwrap().trim().parse::<u64>().unwrap();
            Some(after(bytes, length))
        }
        (None, None) => Some(Status::Complete(bytes)),
    }
}

fn after_chunks(mut bytes: &[u8]) -> Option<Status<&[u8]>> {
    loop {
        let Status::Complete((end, size)) = httparse::parse_chunk_size(bytes).ok()? else {
            return Some(Status::Partial);
        };
        bytes = &bytes[end..];
        if size == 0 {
            break;
        }
        match after(bytes, size.checked_add(2)?) {
            Status::Complete(rest) => bytes = rest,
            Status::Partial => return Some(Status::Partial),
        }
    }
    let mut trailers = [EMPTY_HEADER; 64];
    Some(match httparse::parse_headers(bytes, &mut trailers).ok()? {
        Status::Complete((end, _)) => Status::Complete(&bytes[end..]),
        Status::Partial => Status::Partial,
    })
}

fn after(bytes: &[u8], length: u64) -> Status<&[u8]> {
    usize::try_from(length)
        .ok()
        .and_then(|length| bytes.get(length..))
        .map_or(Status::Partial, Status::Complete)
}
