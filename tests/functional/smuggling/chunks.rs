//! Bodies in chunks, and trailers.

use crate::smuggling::{
    Case,
    Reading::{Problem, Read, Swallows},
    chunked,
};

pub fn cases() -> Vec<Case> {
    vec![
        (
            Read,
            "7.1: leading zeros; 7.1.1: extensions are ignored; 7.1.2: so are trailers",
            vec![
                chunked("5\r\nhello\r\n00A\r\n, 10 bytes\r\n0\r\nX-Sum: 1\r\n\r\n"),
                chunked("5;name=value; q = \"a;b\"\r\nhello\r\n0;last\r\n\r\n"),
                chunked("5 \r\nhello\r\n0\r\n\r\n"),
                chunked("5;a\0\r\nhello\r\n0\r\n\r\n"),
                chunked("00000000000000005\r\nhello\r\n0\r\n\r\n"),
                chunked("0\r\nContent-Length: 5\r\n\r\n"),
                chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n"),
            ],
        ),
        (
            Problem(400),
            "7.1: a chunk is its size, CR LF, as many bytes, CR LF; 7.1.1: extensions are bounded",
            vec![
                chunked("zz\r\nhello\r\n0\r\n\r\n"),
                chunked("5;ext=1\nhello\r\n0\r\n\r\n"),
                chunked("5;ext=\"\r\"\r\nhello\r\n0\r\n\r\n"),
                chunked("5\nhello\r\n0\r\n\r\n"),
                chunked("5\r\nhello\n0\r\n\r\n"),
                chunked("5\r\nhelloXX0\r\n\r\n"),
                chunked("5 a\r\nhello\r\n0\r\n\r\n"),
                chunked(" 5\r\nhello\r\n0\r\n\r\n"),
                chunked(";a\r\nhello\r\n0\r\n\r\n"),
                chunked("0x5\r\nhello\r\n0\r\n\r\n"),
                chunked("-5\r\nhello\r\n0\r\n\r\n"),
                chunked("fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
                chunked("\r\n\r\n"),
                chunked(&format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(20_000))),
            ],
        ),
        (
            Problem(400),
            "7.1.2: trailers are fields, as in a head",
            vec![
                chunked("0\r\nX-Trailer: a\nb: c\r\n\r\n"),
                chunked("0\r\nX-Nul: \0\r\n\r\n"),
                chunked("0\r\nno colon\r\n\r\n"),
                chunked("0\r\nX-Space : a\r\n\r\n"),
                chunked("0\r\n X-Fold: a\r\n\r\n"),
            ],
        ),
        (
            Swallows,
            "7.1.2: bytes that do not end the trailers belong to them, up to the next empty line",
            vec![chunked("0\r\n\n")],
        ),
    ]
}
