//! Content negotiation by `Accept` (RFC 9110, section 12.5.1).

use http::{HeaderMap, header};

/// A representation we can produce.
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
            Self::Html => "text/html; charset=utf-8",
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

/// The offer the client prefers; the first on a tie, and when nothing fits or nothing was asked for.
#[must_use]
pub fn prefer(headers: &HeaderMap, offers: &[Media; 3]) -> Media {
    let mut best = (offers[0], 0);
    let mut lines = headers.get_all(header::ACCEPT).iter().peekable();
    if lines.peek().is_none() {
        return best.0;
    }
    let ranges: Vec<&str> =
        lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).map(str::trim).collect();
    for offer in offers {
        let quality = quality(*offer, &ranges);
        if quality > best.1 {
            best = (*offer, quality);
        }
    }
    best.0
}

/// Quality of an offer in thousandths: that of the most specific range that covers it.
fn quality(offer: Media, ranges: &[&str]) -> u16 {
    let (kind, subtype) = offer.essence();
    ranges
        .iter()
        .filter_map(|range| {
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
            Some((specificity, q))
        })
        .max()
        .map_or(0, |(_, q)| q)
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
    fn the_most_wanted_wins() {
        assert_eq!(prefer(&HeaderMap::new(), &OFFERS), Media::Html);
        for (accept, media) in [
            ("*/*", Media::Html),
            ("text/plain", Media::Plain),
            ("application/json", Media::Json),
            ("APPLICATION/JSON; charset=x", Media::Json),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Media::Html),
            ("text/html;q=0.5, text/plain", Media::Plain),
            ("text/*;q=0.3, application/*;q=0.4", Media::Json),
            ("text/html;q=0, */*", Media::Plain),
            ("image/png", Media::Html),
            ("text/plain;q=nonsense", Media::Html),
        ] {
            assert_eq!(chosen(accept), media, "{accept}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_panic(accept in "[ -~]{0,80}") {
            chosen(&accept);
        }
    }
}
