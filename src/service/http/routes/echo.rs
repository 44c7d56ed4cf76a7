//! `GET /{text}`: the service decodes the text of the path, escapes it and sends it right back at ya. The hot
//! path.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use crate::{
    http::{
        negotiate::{self, Media},
        problem::Problem,
    },
    route::{Route, Side},
};

const PAGE: [&str; 2] =
    ["<html><head><title>Unstoppable Echo</title></head><body><h1>", "</h1></body></html>"];
const SUFFIX: &str = " right back at ya!";

/// The JSON form of an echo.
#[derive(Serialize, serde::Deserialize, Debug, PartialEq, Eq)]
pub struct Echo {
    /// The text that was sent.
    pub text: String,
    /// The text that comes back.
    pub message: String,
}

/// The text in a path: without the leading slash, percent-decoded; bytes that are not UTF-8, and NUL, become
/// U+FFFD.
///
/// # Errors
/// A `%` is not followed by two hexadecimal digits: 400.
pub fn text(path: &str) -> Result<Cow<'_, str>, Problem> {
    let raw = path.strip_prefix('/').unwrap_or(path);
    if memchr::memchr(b'%', raw.as_bytes()).is_none() {
        return Ok(replace_nul(raw.into()));
    }
    if let Some(at) = malformed_escape(raw.as_bytes()) {
        return Err(Problem::new(StatusCode::BAD_REQUEST).detail(format!(
            "malformed percent escape at byte {at} of the text: `%` must be followed by two hexadecimal \
                digits"
        )));
    }
    Ok(replace_nul(match percent_decode_str(raw).decode_utf8_lossy() {
        Cow::Borrowed(text) => Cow::Borrowed(text),
        Cow::Owned(text) => Cow::Owned(text),
    }))
}

fn replace_nul(text: Cow<'_, str>) -> Cow<'_, str> {
    if memchr::memchr(0, text.as_bytes()).is_some() { text.replace('\0', "\u{FFFD}").into() } else { text }
}

fn malformed_escape(raw: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'%', raw)
        .find(|at| !raw.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
        .map(|at| at + 1)
}

/// Makes the page of a line of text.
#[must_use]
pub fn page(line: &str, suffix: &str) -> Bytes {
    let line = html_escape::encode_quoted_attribute(line);
    // the capacity is exact, because `Bytes` takes over a full vector without another allocation
    let mut page = Vec::with_capacity(PAGE[0].len() + line.len() + suffix.len() + PAGE[1].len());
    page.extend_from_slice(PAGE[0].as_bytes());
    page.extend_from_slice(line.as_bytes());
    page.extend_from_slice(suffix.as_bytes());
    page.extend_from_slice(PAGE[1].as_bytes());
    page.into()
}

/// The message that comes back for a text.
#[must_use]
pub fn message(text: &str) -> String {
    format!("{text}{SUFFIX}")
}

/// The form of an echo that the client prefers.
#[must_use]
pub fn preferred(headers: &HeaderMap) -> Media {
    negotiate::prefer(headers, &[Media::Html, Media::Plain, Media::Json])
}

/// The body of the answer to `GET /{text}` in this form.
///
/// # Errors
/// Those of [`text`].
pub fn respond(path: &str, media: Media) -> Result<Bytes, Problem> {
    let text = text(path)?;
    let body = match media {
        Media::Html => page(&text, SUFFIX),
        Media::Plain => format!("{text}{SUFFIX}\n").into(),
        Media::Json => serde_json::to_vec(&Echo { message: message(&text), text: text.into_owned() })
            .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR))?
            .into(),
    };
    Ok(body)
}

/// Answers what no route matches. The router gets no `GET` of a text, so this is another method, or an API
/// path that does not exist.
pub async fn fallback(uri: Uri) -> Problem {
    if Route::of(Side::Public, uri.path()) == Route::Echo {
        Problem::method_not_allowed("GET,HEAD")
    } else {
        Problem::new(StatusCode::NOT_FOUND).detail("no such API route")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use scraper::Html;

    use super::*;

    fn heading(page: &[u8]) -> String {
        let document = Html::parse_document(std::str::from_utf8(page).unwrap());
        let h1 = scraper::Selector::parse("h1").unwrap();
        document.select(&h1).next().unwrap().text().collect()
    }

    #[test]
    fn exactly_one_slash_is_removed_and_escapes_are_decoded() {
        for (path, text_) in [
            ("/hello", "hello"),
            ("//hello", "/hello"),
            ("/a/b/", "a/b/"),
            ("/%3Cscript%3E", "<script>"),
            ("/%e2%82%ac", "€"),
            ("/%ff", "\u{FFFD}"),
            ("/a%00b", "a\u{FFFD}b"),
            ("/%2541", "%41"),
        ] {
            assert_eq!(text(path).unwrap(), text_, "{path}");
        }
    }

    #[test]
    fn a_malformed_escape_is_refused() {
        for path in ["/%", "/%4", "/%zz", "/ok%20but%2", "/%%20"] {
            assert_eq!(text(path).unwrap_err().status(), StatusCode::BAD_REQUEST, "{path}");
        }
    }

    #[test]
    fn the_page_is_that_of_the_original() {
        let page = respond("/hello", Media::Html).unwrap();
        let expected = "<html><head><title>Unstoppable Echo</title></head><body><h1>hello right back at \
            ya!</h1></body></html>";
        assert_eq!(page, expected);
    }

    proptest! {
        #[test]
        fn an_html_parser_reads_the_text_and_no_new_element(
            text_ in "\\PC{0,40}|[<>&\"'/a-z =!-]{0,40}",
        ) {
            let encoded = percent_encoding::utf8_percent_encode(&text_, percent_encoding::NON_ALPHANUMERIC);
            let encoded = encoded.to_string();
            let page = respond(&format!("/{encoded}"), Media::Html).unwrap();
            prop_assert_eq!(heading(&page), message(&text_));
            let document = Html::parse_document(std::str::from_utf8(&page).unwrap());
            prop_assert_eq!(document.root_element().descendent_elements().count(), 5, "html, head, title, \
                body, h1");
        }

        #[test]
        fn any_path_is_answered_or_refused(path in "/[ -~]{0,60}") {
            let _ = text(&path);
        }
    }
}
