//! The answer of a fan-out as a page; a test with a browser checks how it looks.

use scraper::{Html, Selector};

use crate::support::{
    Uecho,
    peer::{Dead, Peer},
};

const FANOUT: &str = "/api/v1/fanout/%3Cscript%3E";
const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

fn uecho(peers: &[String]) -> Uecho {
    Uecho::with(&format!("[fanout]\npolicy = \"all\"\npeers = {peers:?}\n"))
}

#[test]
fn only_a_client_that_prefers_html_gets_a_page() {
    let (hostile, dead) = (Peer::saying("</text></svg><script>alert(1)</script>"), Dead::new());
    let uecho = uecho(&[hostile.url(), dead.url()]);
    let answer = uecho.request("GET", FANOUT, &[HTML]);
    assert_eq!((answer.status, answer.header("content-type")), (502, Some("text/html; charset=utf-8")));
    let policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    assert_eq!(answer.header("content-security-policy"), Some(policy));
    let text = answer.text();
    let page = Html::parse_document(&text);
    let count = |selector: &str| page.select(&Selector::parse(selector).unwrap()).count();
    assert_eq!(
        (count("rect.bar"), count("script"), count("style"), count("[style]")),
        (3, 0, 0, 0),
        "{text}"
    );
    let whole: String = page.root_element().text().collect();
    let dead = dead.url();
    for shown in ["<script> right back at ya!", "</svg><script>alert(1)", "partial", "refused", &*dead, " ms"]
    {
        assert!(whole.contains(shown), "{shown}: {whole}");
    }
    for accept in [None, Some("*/*"), Some("application/json"), Some("text/html;q=0.5, application/json")] {
        let headers: Vec<_> = accept.iter().map(|accept| ("accept", *accept)).collect();
        let answer = uecho.request("GET", FANOUT, &headers);
        assert_eq!(answer.header("content-type"), Some("application/json"), "{accept:?}");
    }
    let head = uecho.request("HEAD", FANOUT, &[HTML]);
    assert_eq!((head.status, head.header("content-type")), (502, Some("text/html; charset=utf-8")));
    assert_eq!(head.body.len(), 0);
}

#[test]
fn errors_are_problems_for_a_browser_too() {
    let answer = uecho(&[]).request("GET", "/api/v1/fanout/%zz", &[HTML]);
    assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/problem+json")));
}
