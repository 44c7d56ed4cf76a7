//! The lines of a head: how each ends, and which bytes it may contain.

use crate::smuggling::{
    Case,
    Reading::{Problem, Read, Refused},
    coded, post,
};

pub fn cases() -> Vec<Case> {
    vec![
        (
            Refused(400),
            "5.1: no white space before the colon; 5.2: a folded field is refused",
            vec![
                post("Content-Length : 5\r\n") + "hello",
                coded("Transfer-Encoding : chunked\r\n"),
                post("X-Space : a\r\n"),
                post("X-Fold: a\r\n b\r\n"),
                post("X-Fold: a\r\n\tContent-Length: 5\r\n"),
                post(" Content-Length: 5\r\n"),
            ],
        ),
        (
            Read,
            "2.2: a LF alone may end a line; empty lines before a request are ignored",
            vec![
                post("X-Lf: a\nContent-Length: 5\r\n") + "hello",
                "GET /x HTTP/1.1\nHost: a\n\n".into(),
                "GET /x HTTP/1.1\r\nHost: a\r\n\n".into(),
                "\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n".into(),
            ],
        ),
        (
            Refused(400),
            "2.2: a CR that no LF follows makes a field invalid; RFC 9110, 5.5: so does a control character",
            vec![
                post("X-Cr: a\rContent-Length: 5\r\n"),
                post("X-Cr: a\r\r\n"),
                post("X-Nul: a\0b\r\n"),
                post("X-Control: a\x01b\r\n"),
                post("X-Delete: \x7f\r\n"),
            ],
        ),
        (
            Refused(400),
            "5: a field is a token, a colon and a value",
            vec![
                post("X(Name): a\r\n"),
                post("X-\u{fc}: a\r\n"),
                post("\0: a\r\n"),
                post("no colon\r\n"),
                post(": no name\r\n"),
            ],
        ),
        (
            Refused(400),
            "3: a request line is a method, a target and a version, with one space between them",
            vec![
                "GET  /x HTTP/1.1\r\nHost: a\r\n\r\n".into(),
                "GET\t/x HTTP/1.1\r\nHost: a\r\n\r\n".into(),
                " GET /x HTTP/1.1\r\nHost: a\r\n\r\n".into(),
                "GET /x HTTP/1.1 \r\nHost: a\r\n\r\n".into(),
                "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n".into(),
                "GET /x\r\n\r\n".into(),
                "G(T /x HTTP/1.1\r\nHost: a\r\n\r\n".into(),
                "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n".into(),
                "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n".into(),
            ],
        ),
        (
            Refused(400),
            "RFC 9110, 15.6.6: 505 is not the only allowed status; 2.5: a server need not read 1.2",
            vec![
                "GET /x HTTP/3.0\r\nHost: a\r\n\r\n".into(),
                "GET /x HTTP/0.9\r\nHost: a\r\n\r\n".into(),
                "GET /x HTTP/1.2\r\nHost: a\r\n\r\n".into(),
                "GET /x HTTP/1.10\r\nHost: a\r\n\r\n".into(),
                "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".into(),
            ],
        ),
        (
            Problem(400),
            "3.2: more than one Host, or none",
            vec![post("Host: a\r\n"), "GET /x HTTP/1.1\r\n\r\n".into()],
        ),
    ]
}
