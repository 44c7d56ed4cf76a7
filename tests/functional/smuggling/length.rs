//! `Content-Length` and `Transfer-Encoding`: where a request ends.

use crate::smuggling::{
    Case,
    Reading::{Ends, Problem, Read, Refused},
    coded, post,
};

pub fn cases() -> Vec<Case> {
    vec![
        (
            Ends,
            "6.3: Transfer-Encoding overrides Content-Length; 6.1: the connection ends after the answer",
            vec![
                coded("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
                coded("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
            ],
        ),
        (
            Read,
            "RFC 9110, 8.6: a valid value that is repeated may be read as one",
            vec![
                post("Content-Length: 0\r\nContent-Length: 0\r\n"),
                post("Content-Length: 5\r\nX: a\r\nContent-Length: 05\r\n") + "hello",
            ],
        ),
        (
            Refused(400),
            "6.3: an invalid Content-Length, or two that differ, cannot be recovered from",
            vec![
                post("Content-Length: 5\r\nContent-Length: 6\r\n") + "hello!",
                post("Content-Length: 5, 5\r\n") + "hello",
                post("Content-Length: +5\r\n") + "hello",
                post("Content-Length: 0x5\r\n") + "hello",
                post("Content-Length: \r\n"),
                post("Content-Length: 99999999999999999999999999\r\n"),
            ],
        ),
        (
            Refused(431),
            "RFC 6585, 5: a field that is too large; the parser treats this number as one",
            vec![post("Content-Length: 18446744073709551615\r\n")],
        ),
        (
            Problem(413),
            "RFC 9110, 15.5.14: larger than the limit",
            vec![post("Content-Length: 9223372036854775807\r\n")],
        ),
        (
            Refused(400),
            "6.3: a Transfer-Encoding that does not end in `chunked`; 6.1: one in HTTP/1.0 is faulty framing",
            vec![
                coded("Transfer-Encoding: chunked, identity\r\n"),
                coded("Transfer-Encoding: xchunked\r\n"),
                coded("Transfer-Encoding: gzip\r\n"),
                coded("Transfer-Encoding: \x0bchunked\r\n"),
                coded("Transfer-Encoding: \"chunked\"\r\n"),
                coded("Transfer-Encoding: chunked;a=b\r\n"),
                coded("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
                "POST /api/v1/echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(),
            ],
        ),
        (
            Problem(501),
            "6.1: a coding that is not understood; `chunked` is applied once, and last",
            vec![
                coded("Transfer-Encoding: gzip, chunked\r\n"),
                coded("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
                coded("Transfer-Encoding: chunked, chunked\r\n"),
                coded("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
                coded("Transfer-Encoding: , chunked\r\n"),
            ],
        ),
    ]
}
