//! A random text that comes back right only from a service that decodes and escapes right.

use std::iter;

/// The pieces of a text: the piece itself, its form in HTML, and its percent-encoded form in the path. None
/// contains `/`, `\` or NUL, because proxies on the way may rewrite those.
const PIECES: [[&str; 3]; 8] = [
    ["<b>", "&lt;b&gt;", "%3Cb%3E"],
    [
        "<img src=x onerror=alert(1)>",
        "&lt;img src=x onerror=alert(1)&gt;",
        "%3Cimg%20src=x%20onerror=alert(1)%3E",
    ],
    ["&amp;", "&amp;amp;", "&amp;"],
    ["\"", "&quot;", "%22"],
    ["'", "&#x27;", "'"],
    ["%41", "%41", "%2541"],
    ["é€😀", "é€😀", "%C3%A9%E2%82%AC%F0%9F%98%80"],
    [" ", " ", "%20"],
];

/// One text and the answers that it must get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The text.
    pub text: String,
    /// The request path for the text.
    pub path: String,
    /// The exact page that must come back.
    pub page: String,
}

impl Challenge {
    /// Every piece once, in random order, each followed by random letters.
    #[must_use]
    pub fn random() -> Self {
        let mut pieces = PIECES;
        fastrand::shuffle(&mut pieces);
        let [mut text, mut html, mut path] =
            [String::from("probe"), String::from("probe"), String::from("/probe")];
        for piece in pieces {
            let letters: String = iter::repeat_with(fastrand::alphanumeric).take(4).collect();
            for (form, part) in [&mut text, &mut html, &mut path].into_iter().zip(piece) {
                form.push_str(part);
                form.push_str(&letters);
            }
        }
        let page = format!(
            "<html><head><title>Unstoppable Echo</title></head><body><h1>{html} right back at \
                ya!</h1></body></html>"
        );
        Self { text, path, page }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_agree_and_the_texts_differ() {
        let challenge = Challenge::random();
        let decoded = percent_encoding::percent_decode_str(&challenge.path).decode_utf8().unwrap();
        assert_eq!(decoded, format!("/{}", challenge.text));
        let document = scraper::Html::parse_document(&challenge.page);
        let h1 = scraper::Selector::parse("h1").unwrap();
        let heading: String = document.select(&h1).next().unwrap().text().collect();
        assert_eq!(heading, format!("{} right back at ya!", challenge.text));
        assert_ne!(Challenge::random(), challenge);
        assert!(challenge.path.len() <= 128, "the smallest limits.uri_bytes");
        for piece in PIECES {
            assert!(challenge.text.contains(piece[0]) && challenge.page.contains(piece[1]));
        }
    }
}
