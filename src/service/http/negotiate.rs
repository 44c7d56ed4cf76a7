//! Content negotiation by `Accept` (RFC 9110, section 12.5.1).

use std::cmp::Reverse;

use http::{HeaderMap, header};

use crate::state::headers;

/// A representation that the service can produce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `text/html`
    Html,
    /// `text/plain`
    Plain,
    /// `application/json`
    Json,
}

impl Media {
    /// The value of `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Html => headers::HTML,
            Self::Plain => "text/plain; charset=utf-8",
            Self::Json => "application/json",
        }
    }

    const fn essence(self) -> (&'static str, &'static str) {
        match self {
            Self::Html => ("text", "html"),
            Self::Plain => ("text", "plain"),
            Self::Json => ("application", "json"),
        }
    }
}

/// The offer that the client prefers. It is the first one if several are equal, if none is acceptable, or if
/// there is no `Accept`.
#[must_use]
pub fn prefer(headers: &HeaderMap, offers: &[Media; 3]) -> Media {
    let mut lines = headers.get_all(header::ACCEPT).iter().peekable();
    if lines.peek().is_none() {
        return offers[0];
    }
    let ranges: Vec<&str> =
        lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).map(str::trim).collect();
    let ranked = offers.iter().rev().filter_map(|offer| Some((rank(*offer, &ranges)?, *offer)));
    // `max_by_key` returns the last of equal offers, so the order is reversed
    ranked.max_by_key(|(rank, _)| *rank).map_or(offers[0], |(_, offer)| offer)
}

/// The rank of an offer: first its quality in thousandths, from the most specific range that covers it. At
/// the same quality, an offer that a range names precedes one that only a wildcard covers, and an offer named
/// earlier precedes one named later.
fn rank(offer: Media, ranges: &[&str]) -> Option<(u16, u8, Reverse<usize>)> {
    let (kind, subtype) = offer.essence();
    let covering = ranges.iter().enumerate().filter_map(|(place, range)| {
        let mut parts = range.split(';').map(str::trim);
        let (range_kind, range_subtype) = parts.next()?.split_once('/')?;
        let specificity = match (range_kind, range_subtype) {
            (k, s) if k.eq_ignore_ascii_case(kind) && s.eq_ignore_ascii_case(subtype) => 2,
            (k, "*") if k.eq_ignore_ascii_case(kind) => 1,
            ("*", "*") => 0,
            _ => return None,
        };
        let q = parts
            .find_map(|parameter| parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q=")))
            .map_or(1000, thousandths);
        Some((specificity, q, Reverse(place)))
    });
    covering.max().map(|(specificity, q, place)| (q, specificity, place)).filter(|(q, ..)| *q > 0)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=1000 first")]
fn thousandths(q: &str) -> u16 {
    q.parse::<f32>().map_or(0, |q| (q.clamp(0.0, 1.0) * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const OFFERS: [Media; 3] = [Media::Html, Media::Plain, Media::Json];

    fn chosen(accept: &str) -> Media {
        prefer(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_str(accept).unwrap())]), &OFFERS)
    }

    #[test]
    fn the_offer_of_the_highest_quality_wins() {
        assert_eq!(prefer(&HeaderMap::new(), &OFFERS), Media::Html);
        for (accept, media) in [
            ("*/*", Media::Html),
            ("text/plain", Media::Plain),
            ("application/json", Media::Json),
            ("APPLICATION/JSON; charset=x", Media::Json),
            ("text/html;q=0.5, text/plain", Media::Plain),
            ("text/*;q=0.3, application/*;q=0.4", Media::Json),
            ("text/html;q=0, */*", Media::Plain),
            ("image/png", Media::Html),
            ("text/plain;q=nonsense", Media::Html),
            // at the same quality, a named type precedes one that a wildcard covers
            ("text/plain, */*", Media::Plain),
            ("*/*, text/plain", Media::Plain),
            ("application/json, */*", Media::Json),
            ("text/plain, text/*", Media::Plain),
            ("*/*, application/*", Media::Json),
            ("*/*, text/*", Media::Html),
            // but quality comes first
            ("text/plain;q=0.9, */*", Media::Html),
            ("text/plain;q=0.5, application/json;q=0.4, */*;q=0.5", Media::Plain),
            ("application/json;q=0, text/plain;q=0.001, text/*;q=0, */*;q=0", Media::Plain),
            // the most specific range decides, at any place and at any quality
            ("text/plain;q=0.1, text/*;q=0.9, */*;q=0.2", Media::Html),
            ("text/*, text/html;q=0.1", Media::Plain),
            // of two named types, the first wins
            ("application/json, text/plain", Media::Json),
            ("text/plain, application/json", Media::Plain),
        ] {
            assert_eq!(chosen(accept), media, "{accept}");
        }
    }

    #[test]
    fn the_default_headers_of_clients_get_the_expected_media() {
        for (client, accept, media) in [
            ("curl, wget, fetch, Go, requests", "*/*", Media::Html),
            ("axios, Angular", "application/json, text/plain, */*", Media::Json),
            ("jQuery for JSON", "application/json, text/javascript, */*; q=0.01", Media::Json),
            ("jQuery for text", "text/plain, */*; q=0.01", Media::Plain),
            ("HTTPie", "application/json, */*;q=0.5", Media::Json),
            ("Java", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", Media::Html),
            (
                "Firefox, Safari",
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                Media::Html,
            ),
            (
                "Chrome",
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,\
                 image/webp,image/apng,*/*;q=0.8,\
                 application/signed-exchange;v=b3;q=0.7",
                Media::Html,
            ),
            ("Edge Legacy", "text/html, application/xhtml+xml, image/jxr, */*", Media::Html),
            (
                "lynx",
                "text/html, text/plain, text/sgml, text/css, application/xhtml+xml, */*;q=0.01",
                Media::Html,
            ),
            ("w3m", "text/html, text/*;q=0.5, image/*, application/*, video/*, audio/*", Media::Html),
        ] {
            assert_eq!(chosen(accept), media, "{client}");
        }
    }

    #[test]
    fn several_lines_make_one_list() {
        let lines = ["text/plain;q=0.5", "application/json"]
            .map(|line| (header::ACCEPT, HeaderValue::from_static(line)));
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value);
        }
        assert_eq!(prefer(&headers, &OFFERS), Media::Json);
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_panic(accept in "[ -~]{0,80}") {
            chosen(&accept);
        }
    }
}
