//! The answer as a page. It has no script and no style sheet, which the content security policy forbids;
//! everything that a peer or a caller said is escaped.

use std::fmt::Write as _;

use html_escape::encode_text;
use http::StatusCode;

use crate::{
    config::settings::Policy,
    http::routes::fanout::{
        fan_in::FanIn,
        shown::{milliseconds, shortened, text},
        waterfall,
    },
};

/// A word in the heading may be broken after this many characters.
const UNBROKEN: usize = 24;

/// The whole page.
pub(super) fn of(fan_in: &FanIn<'_>, http: StatusCode) -> String {
    let mut page = String::with_capacity(4096 + 1024 * fan_in.replies.len());
    let status = fan_in.status.as_str();
    let policy = match fan_in.policy {
        Policy::BestEffort => "best_effort".into(),
        Policy::All => "all".into(),
        Policy::Any => "any".into(),
        Policy::Quorum(quorum) => format!("quorum of {quorum}"),
    };
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{status} - Unstoppable \
         Echo</title>\n</head>\n<body>\n\
         <h1><bdi>{}</bdi></h1>\n\
         <p><strong>{status}</strong> in {}; policy {policy}, answered with {} by <bdi>{}</bdi></p>\n",
        heading(&fan_in.message),
        milliseconds(fan_in.elapsed_ms),
        http.as_u16(),
        text(&fan_in.receipt.instance),
    );
    waterfall::draw(&mut page, fan_in);
    page.push_str(
        "\n<p><small>Each bar is one request, as measured by the node that sent it. Clocks of different \
            nodes are not compared: \
         what happened at a peer is drawn in the middle of the time that its answer \
         took.</small></p>\n</body>\n</html>\n",
    );
    page
}

/// A text whose long words may be broken, so that they do not widen the page.
fn heading(message: &str) -> String {
    let mut heading = String::new();
    let mut unbroken = 0;
    for character in shortened(message).chars() {
        unbroken = if character.is_whitespace() { 0 } else { unbroken + 1 };
        heading.push_str(&encode_text(character.encode_utf8(&mut [0; 4])));
        if unbroken >= UNBROKEN {
            heading.push_str("<wbr>");
        }
    }
    heading
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use scraper::Html;
    use uecho_probe::receipt::Receipt;

    use super::*;
    use crate::fanout::{merge::Completeness, tree::Hop};

    #[test]
    fn only_long_words_of_the_heading_may_be_broken() {
        let word = "a".repeat(UNBROKEN - 1);
        assert_eq!(heading(&format!("{word} <{}", &word[1..])), format!("{word} &lt;{}", &word[1..]));
        assert_eq!(heading(&format!("{word}bc d")), format!("{word}b<wbr>c<wbr> d"));
    }

    fn hop<'a>(said: &'a str, elapsed_ms: f64, replies: Option<Vec<Hop<'static>>>) -> Hop<'a> {
        Hop {
            peer: said.into(),
            outcome: said.into(),
            status: None,
            elapsed_ms,
            message: Some(said.into()),
            start_ms: -elapsed_ms,
            completeness: replies.as_ref().map(|_| Completeness::Failed),
            own_elapsed_ms: Some(elapsed_ms),
            omitted: usize::from(replies.is_some()),
            replies,
        }
    }

    fn page(said: &str, elapsed_ms: f64) -> String {
        let below = hop("below", elapsed_ms, None);
        let replies = [hop(said, elapsed_ms, Some(vec![below])), hop(said, 1.0, None)];
        let fan_in = FanIn {
            text: said,
            message: said.into(),
            policy: Policy::Quorum(1),
            status: Completeness::Partial,
            elapsed_ms: 5.0,
            receipt: &Receipt::of(said, said, None),
            replies: &replies,
        };
        of(&fan_in, StatusCode::OK)
    }

    /// The elements with the names of their attributes; the places where a long word may be broken are left
    /// out.
    fn shape(page: &str) -> Vec<String> {
        let document = Html::parse_document(page);
        let names = |element: scraper::ElementRef<'_>| {
            let attributes: Vec<&str> = element.value().attrs().map(|(name, _)| name).collect();
            format!("{} {}", element.value().name(), attributes.join(" "))
        };
        document.root_element().descendent_elements().map(names).filter(|name| name != "wbr ").collect()
    }

    #[test]
    fn the_content_security_policy_forbids_nothing_of_the_page() {
        for element in shape(&page("x", 1.0)) {
            let (name, attributes) = element.split_once(' ').unwrap();
            assert!(
                !["script", "style", "link", "img", "image", "a", "iframe", "use"].contains(&name),
                "{name}"
            );
            let wrong = |name: &str| name == "style" || name == "href" || name.starts_with("on");
            assert!(!attributes.split(' ').any(wrong), "{element}");
        }
    }

    proptest! {
        #[test]
        fn what_a_peer_or_caller_says_is_text(
            said in "\\PC{1,40}|[<>&\"'/a-z =!-]{1,40}",
            elapsed_ms: f64,
        ) {
            let page = page(&said, elapsed_ms);
            prop_assert_eq!(shape(&page), shape(&super::tests::page("x", 1.0)));
            prop_assert!(!page.contains("NaN\"") && !page.contains("inf\""), "{}", page);
        }
    }
}
