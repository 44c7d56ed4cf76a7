//! HTTP/1 framing: what we let through, hyper's parser cuts into the same requests, however the bytes arrive.

#![no_main]

use httparse::{EMPTY_HEADER, Header, Request, Status};
use libfuzzer_sys::fuzz_target;
use uecho::server::scanner::verdict;

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

/// How many heads are complete; `None` when hyper's parser refuses one of them.
fn heads(mut bytes: &[u8]) -> Option<u32> {
    for count in 0.. {
        let mut headers = [EMPTY_HEADER; 64];
        let mut request = Request::new(&mut headers);
        let Status::Complete(end) = request.parse(bytes).ok()? else { return Some(count) };
        let Some(rest) = after_body(request.headers, &bytes[end..]) else { return Some(count + 1) };
        bytes = rest;
    }
    unreachable!()
}

/// What follows the body; `None` when it is not complete.
fn after_body<'a>(headers: &[Header<'_>], bytes: &'a [u8]) -> Option<&'a [u8]> {
    let value = |name: &str| {
        headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
    };
    match (value("transfer-encoding"), value("content-length")) {
        (Some(_), _) => after_chunks(bytes),
        (None, Some(length)) => {
            let length = std::str::from_utf8(length).unwrap().trim().parse::<u64>().unwrap();
            bytes.get(usize::try_from(length).ok()?..)
        }
        (None, None) => Some(bytes),
    }
}

fn after_chunks(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let Status::Complete((end, size)) = httparse::parse_chunk_size(bytes).unwrap() else { return None };
        bytes = &bytes[end..];
        if size == 0 {
            break;
        }
        bytes = bytes.get(usize::try_from(size).ok()?..)?.get(2..)?;
    }
    let mut trailers = [EMPTY_HEADER; 64];
    let Ok(Status::Complete((end, _))) = httparse::parse_headers(bytes, &mut trailers) else { return None };
    Some(&bytes[end..])
}
