//! What can be wrong with the framing of a request, and what the client is told.

use http::StatusCode;

/// A fault in the framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A line ends in LF alone.
    BareLf,
    /// A CR that no LF follows.
    BareCr,
    /// A NUL in the head.
    Nul,
    /// A header line begins with white space.
    ObsFold,
    /// Not `method SP target SP HTTP/1.1` (or 1.0, or a minor version that is still to come).
    RequestLine,
    /// A major version other than 1.
    Version,
    /// White space before the colon of a header that matters to framing.
    SpaceBeforeColon,
    /// `Content-Length` is not a number of bytes.
    ContentLength,
    /// `Content-Length` is a larger number than anybody counts to.
    ContentTooLarge,
    /// More than one `Content-Length`, even if they agree.
    RepeatedContentLength,
    /// `Content-Length` and `Transfer-Encoding`.
    LengthAndEncoding,
    /// `Transfer-Encoding` does not end in `chunked`, or names it twice.
    TransferEncoding,
    /// `Transfer-Encoding` names more than `chunked`, which comes last.
    UnknownEncoding,
    /// `Transfer-Encoding` in HTTP/1.0.
    EncodingInHttp10,
    /// The size line of a chunk is not hexadecimal digits, perhaps extensions, and CRLF.
    ChunkSize,
    /// More bytes of chunk extensions than are passed over (RFC 9112 section 7.1.1 asks for a limit).
    ChunkExtensions,
    /// A chunk is not followed by CRLF.
    ChunkEnd,
    /// A trailer speaks of framing.
    Trailer,
    /// The request line alone is longer than we read.
    TargetTooLong,
    /// The head, or the trailers, are longer than we read.
    HeadTooLarge,
}

impl Fault {
    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::ContentTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownEncoding => StatusCode::NOT_IMPLEMENTED,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// What is wrong, and what would be right.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::BareLf => "a line ends in LF alone; lines end in CR LF",
            Self::BareCr => "a CR that no LF follows; lines end in CR LF",
            Self::Nul => "a NUL byte in the request head",
            Self::ObsFold => "a header line begins with white space; headers take one line each",
            Self::RequestLine => {
                "the request line must be a method, a target and HTTP/1.1 or HTTP/1.0, with one space between them"
            }
            Self::Version => "HTTP/1.1, HTTP/1.0 and HTTP/2 are spoken here",
            Self::SpaceBeforeColon => "white space before the colon of a header",
            Self::ContentLength => "Content-Length must be a number of bytes in decimal digits",
            Self::ContentTooLarge => "Content-Length is far larger than any body may be",
            Self::RepeatedContentLength => "more than one Content-Length header",
            Self::LengthAndEncoding => "Content-Length and Transfer-Encoding exclude each other",
            Self::TransferEncoding => "Transfer-Encoding must end in `chunked`, once",
            Self::UnknownEncoding => "no Transfer-Encoding other than `chunked` is implemented",
            Self::EncodingInHttp10 => "Transfer-Encoding does not exist in HTTP/1.0",
            Self::ChunkSize => {
                "a chunk must begin with its size in hexadecimal digits, perhaps extensions after `;`, and CR LF"
            }
            Self::ChunkExtensions => "the chunk extensions are too large",
            Self::ChunkEnd => "a chunk must be followed by CR LF",
            Self::Trailer => "trailers must not change the framing of the request",
            Self::TargetTooLong => "the request target is too long",
            Self::HeadTooLarge => "the request header fields are too large",
        }
    }
}
