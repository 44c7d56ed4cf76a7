//! Every fault; any split of the bytes gives the same verdict; agreement with hyper's parser.

use proptest::prelude::*;

use crate::net::scanner::*;

const LIMIT: usize = 1024;

fn faults(stream: &str) -> (u32, Option<Fault>) {
    verdict([stream.as_bytes()], LIMIT)
}

/// A request with these header lines.
fn with(lines: &str) -> String {
    format!("POST /x HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

#[test]
fn sound_requests_are_counted() {
    for (stream, heads) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), 1),
        ("GET / HTTP/1.0\r\n\r\n".into(), 1),
        ("\r\n\r\nGET / HTTP/1.1\r\nhost:\r\n\r\n".into(), 1),
        (with("content-LENGTH:\t5 \r\n") + "GET /" + &with(""), 2),
        (
            with("Transfer-Encoding: Chunked\r\n")
                + "5\r\nhello\r\n0A\r\n0123456789\r\n0\r\n\r\n"
                + &with(""),
            2,
        ),
        (with("Transfer-Encoding: chunked\r\n") + "000\r\nX-Sum: 1\r\n\r\n" + &with(""), 2),
        (with("Content-Length-Of: x\r\nHosts: b\r\nC: \r\n"), 1),
        (with("Content-Length: 00000000000000000005\r\n") + "GET /" + &with(""), 2),
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n".into(), 1),
        (
            with("Transfer-Encoding: chunked\r\n")
                + "5;a=b;c=\"d e\"\r\nhello\r\n1 \t;\r\nX\r\n0;last\r\n\r\n"
                + &with(""),
            2,
        ),
    ] {
        assert_eq!(faults(&stream), (heads, None), "{stream:?}");
    }
}

#[test]
fn every_fault_is_found() {
    let chunked = with("Transfer-Encoding: chunked\r\n");
    for (stream, fault) in [
        ("GET / HTTP/1.1\nHost: a\r\n\r\n".to_owned(), Fault::BareLf),
        ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".into(), Fault::BareLf),
        (with("A: b\n"), Fault::BareLf),
        (with("A: b\rC: d\r\n"), Fault::BareCr),
        (with("A: b\r\r\n"), Fault::BareCr),
        (with("A: \0\r\n"), Fault::Nul),
        ("GET /\0 HTTP/1.1\r\n".into(), Fault::Nul),
        (with(" folded: b\r\n"), Fault::ObsFold),
        (with("A: b\r\n\tc\r\n"), Fault::ObsFold),
        ("GET /\r\n\r\n".into(), Fault::RequestLine),
        ("GET / HTTP/2.0\r\n\r\n".into(), Fault::Version),
        ("GET / HTTP/0.9\r\n\r\n".into(), Fault::Version),
        ("GET / HTTP/1.10\r\n\r\n".into(), Fault::RequestLine),
        ("GET / HTTP/1.2 \r\n\r\n".into(), Fault::RequestLine),
        ("GET  / HTTP/1.1\r\n\r\n".into(), Fault::RequestLine),
        ("GET /a b HTTP/1.1\r\n\r\n".into(), Fault::RequestLine),
        ("GET /  HTTP/1.1\r\n\r\n".into(), Fault::RequestLine),
        ("GET\t/ HTTP/1.1\r\n\r\n".into(), Fault::RequestLine),
        (" GET / HTTP/1.1\r\n\r\n".into(), Fault::RequestLine),
        ("GET  HTTP/1.1\r\n\r\n".into(), Fault::RequestLine),
        ("/ HTTP/1.1\r\n\r\n".into(), Fault::RequestLine),
        (with("Content-Length : 5\r\n"), Fault::SpaceBeforeColon),
        (with("transfer-encoding\t: chunked\r\n"), Fault::SpaceBeforeColon),
        (with("Content-Length: \r\n"), Fault::ContentLength),
        (with("Content-Length: +5\r\n"), Fault::ContentLength),
        (with("Content-Length: -5\r\n"), Fault::ContentLength),
        (with("Content-Length: 0x5\r\n"), Fault::ContentLength),
        (with("Content-Length: 5, 5\r\n"), Fault::ContentLength),
        (with("Content-Length: 18446744073709551615\r\n"), Fault::ContentTooLarge),
        (with("Content-Length: 18446744073709551616\r\n"), Fault::ContentTooLarge),
        (with("Content-Length: 5\r\nContent-Length: 5\r\n"), Fault::RepeatedContentLength),
        (with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), Fault::LengthAndEncoding),
        (with("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), Fault::LengthAndEncoding),
        (with("Transfer-Encoding: gzip, chunked\r\n"), Fault::UnknownEncoding),
        (with("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), Fault::UnknownEncoding),
        (with("Transfer-Encoding: gzip, chunked\r\nContent-Length: 5\r\n"), Fault::LengthAndEncoding),
        (with("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n"), Fault::LengthAndEncoding),
        (with("Transfer-Encoding: chunked, gzip\r\n"), Fault::TransferEncoding),
        (with("Transfer-Encoding: , chunked\r\n"), Fault::TransferEncoding),
        (with("Transfer-Encoding: \x0bchunked\r\n"), Fault::TransferEncoding),
        (with("Transfer-Encoding: chunked, chunked\r\n"), Fault::TransferEncoding),
        (with("Transfer-Encoding: identity\r\n"), Fault::TransferEncoding),
        (with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), Fault::TransferEncoding),
        ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".into(), Fault::EncodingInHttp10),
        (chunked.clone() + "\r\n", Fault::ChunkSize),
        (chunked.clone() + "5 \r\nhello\r\n", Fault::ChunkSize),
        (chunked.clone() + "5;a=b\nhello\r\n", Fault::ChunkSize),
        (chunked.clone() + "5;a=b\rhello\r\n", Fault::ChunkSize),
        (chunked.clone() + "5;a\0\r\nhello\r\n", Fault::ChunkSize),
        (chunked.clone() + ";a\r\nhello\r\n", Fault::ChunkSize),
        (chunked.clone() + "5 a\r\nhello\r\n", Fault::ChunkSize),
        (chunked.clone() + &format!("5;{}\r\n", "a".repeat(8 << 10)), Fault::ChunkExtensions),
        (chunked.clone() + &"1;234\r\nX\r\n".repeat(2 << 10) + "1;\r\n", Fault::ChunkExtensions),
        (chunked.clone() + "5\nhello\r\n", Fault::ChunkSize),
        (chunked.clone() + "-1\r\n", Fault::ChunkSize),
        (chunked.clone() + "0x5\r\n", Fault::ChunkSize),
        (chunked.clone() + "00000000000000005\r\n", Fault::ChunkSize),
        (chunked.clone() + "5\r\nhello\n", Fault::ChunkEnd),
        (chunked.clone() + "5\r\nhelloX", Fault::ChunkEnd),
        (chunked.clone() + "0\r\nContent-Length: 5\r\n\r\n", Fault::Trailer),
        (chunked.clone() + "0\r\nA: b\n\r\n", Fault::BareLf),
        (chunked + "0\r\n\n", Fault::BareLf),
        ("GET /".to_owned() + &"a".repeat(LIMIT), Fault::TargetTooLong),
        (with(&format!("A: {}\r\n", "b".repeat(LIMIT))), Fault::HeadTooLarge),
        (with(&"A: b\r\n".repeat(LIMIT)), Fault::HeadTooLarge),
    ] {
        assert_eq!(faults(&stream).1, Some(fault), "{stream:?}");
    }
}

#[test]
fn a_refused_request_is_located() {
    let mut scanner = Scanner::new(LIMIT);
    let sound = with("");
    let stream = sound.clone() + &with("Content-Length: 1\r\nContent-Length: 1\r\n");
    let refused = scanner.scan(&mut stream.into_bytes()).unwrap_err();
    assert_eq!((refused.begins, refused.before, refused.passed_on), (Some(sound.len()), 1, false));

    let mut scanner = Scanner::new(LIMIT);
    scanner.scan(&mut with("Transfer-Encoding: chunked\r\n").into_bytes()).unwrap();
    let refused = scanner.scan(&mut b"nonsense".to_owned()).unwrap_err();
    assert_eq!((refused.begins, refused.before, refused.passed_on), (None, 0, true));
    assert_eq!(scanner.scan(&mut []).unwrap_err().fault, Fault::ChunkSize, "it stays refused");

    let mut scanner = Scanner::new(LIMIT);
    let mut stream = (with("Transfer-Encoding: chunked\r\n") + "nonsense").into_bytes();
    scanner.scan(&mut stream[..20]).unwrap();
    let refused = scanner.scan(&mut stream[20..]).unwrap_err();
    assert_eq!(
        (refused.begins, refused.before, refused.passed_on),
        (None, 0, false),
        "its head ended only now"
    );
}

#[test]
fn the_parser_behind_sees_no_minor_version_that_it_does_not_know() {
    let request = b"GET /HTTP/1.2 HTTP/1.9\r\nX: HTTP/1.9\r\nHost: a\r\n\r\n";
    let known = b"GET /HTTP/1.2 HTTP/1.1\r\nX: HTTP/1.9\r\nHost: a\r\n\r\n";
    for piece in 1..request.len() {
        let mut scanner = Scanner::new(LIMIT);
        let mut seen = request.repeat(2);
        seen.chunks_mut(piece).for_each(|piece| scanner.scan(piece).unwrap());
        assert_eq!((seen, scanner.heads()), (known.repeat(2), 2), "in pieces of {piece}");
    }
}

#[test]
fn a_head_is_pending_from_its_first_byte_to_its_last() {
    let mut scanner = Scanner::new(LIMIT);
    for byte in b"GET / HTTP/1.1\r\nHost: a\r\n\r" {
        scanner.scan(&mut [*byte]).unwrap();
        assert!(scanner.head_pending());
    }
    scanner.scan(&mut [b'\n']).unwrap();
    assert!(scanner.between_requests());
}

/// Pieces of requests, sound and not, so that random ones reach every state.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "GET / HTTP/1.1\r\n",
        "POST /x HTTP/1.0\r\n",
        "GET /y HTTP/1.2\r\n",
        " HTTP/1.3",
        ";a=b",
        "Host: a\r\n",
        "\r\n",
        "\n",
        "\r",
        "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "content-length:",
        " 7",
        "abc",
        "5\r\nhello\r\n",
        "0\r\n",
        "\0",
        ": ",
        "A: b\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "X",
        ";",
        "\t",
        "Content-Length : 3\r\n",
    ]);
    prop_oneof![9 => known.prop_map(|text: &str| text.as_bytes().to_vec()), 1 => prop::collection::vec(any::<u8>(), 1..4)]
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(fragment(), 0..16).prop_map(|fragments| fragments.concat())
}

fn sound_request() -> impl Strategy<Value = Vec<u8>> {
    let token = "[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,12}";
    let field = (token, "[ -~\\t]{0,30}").prop_map(|(name, value)| format!("x-{name}: {value}\r\n"));
    let body = prop_oneof![
        Just(String::new()),
        "[ -~]{1,40}".prop_map(|body| format!("Content-Length: {}\r\n\r\n{body}", body.len())),
        prop::collection::vec("[ -~]{1,20}", 0..4).prop_map(|chunks| {
            let chunks: Vec<String> =
                chunks.iter().map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len())).collect();
            let chunks = chunks.concat();
            format!("Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
        }),
    ];
    ("[A-Z]{1,7}", "/[!-~]{0,30}", prop::collection::vec(field, 0..8), body).prop_map(
        |(method, target, fields, body)| {
            let end = if body.is_empty() { "\r\n" } else { "" };
            format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{}{body}{end}", fields.concat()).into_bytes()
        },
    )
}

/// The length of the head at the beginning, by hyper's parser.
fn parsed(bytes: &[u8]) -> Option<usize> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    match httparse::Request::new(&mut headers).parse(bytes) {
        Ok(httparse::Status::Complete(length)) => Some(length),
        _ => None,
    }
}

proptest! {
    #[test]
    fn any_split_gives_the_same_verdict(stream in stream(), cuts in prop::collection::vec(0usize..200, 0..6), limit in 20usize..200) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).chain([0, stream.len()]).collect();
        cuts.sort_unstable();
        let whole = verdict([&stream[..]], limit);
        prop_assert_eq!(verdict(cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]), limit), whole);
        prop_assert_eq!(verdict(stream.chunks(1), limit), whole);
    }

    #[test]
    fn sound_requests_pass_and_end_where_the_parser_says(requests in prop::collection::vec(sound_request(), 1..5)) {
        let stream = requests.concat();
        prop_assert_eq!(verdict([&stream[..]], 4096), (u32::try_from(requests.len()).unwrap(), None));
        let mut scanner = Scanner::new(4096);
        for request in requests {
            prop_assert!(parsed(&request).is_some());
            scanner.scan(&mut request.clone()).unwrap();
            prop_assert!(scanner.between_requests());
        }
    }

    #[test]
    fn where_both_accept_a_head_both_see_its_end_at_the_same_byte(stream in stream()) {
        let first = (1..=stream.len()).find(|length| verdict([&stream[..*length]], 4096).0 > 0);
        if let (Some(end), Some(length)) = (first, parsed(&stream)) {
            prop_assert_eq!(end, length);
        }
    }
}
