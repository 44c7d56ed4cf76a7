//! `GET /{text}`, `/` and the mirror: forms, negotiation, every method of every route, and the headers of
//! every answer.

use crate::support::{Answer, Uecho};

#[test]
fn the_page_plain_text_and_json() {
    let uecho = Uecho::with("");
    let page = uecho.get("/a%20%3Cb%3E?query=no");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(
        page.text(),
        "<html><head><title>Unstoppable Echo</title></head><body><h1>a &lt;b&gt; right back at \
            ya!</h1></body></html>"
    );
    let plain = uecho.request("GET", "/a%20%3Cb%3E", &[("Accept", "text/plain")]);
    assert_eq!(plain.text(), "a <b> right back at ya!\n");
    let json = uecho.request("GET", "/a%20%3Cb%3E", &[("Accept", "application/json")]);
    assert_eq!(json.json(), serde_json::json!({"text": "a <b>", "message": "a <b> right back at ya!"}));
    let named = uecho.request("GET", "/a", &[("Accept", "application/json, text/plain, */*")]);
    assert_eq!(named.header("content-type"), Some("application/json"));
}

#[test]
fn every_route_answers_every_method() {
    let uecho = Uecho::with("");
    for path in ["/", "/text", "/healthz", "/readyz"] {
        let get = uecho.get(path);
        assert_eq!(get.status, 200, "{path}");
        carries_the_headers(&get);
        let head = uecho.request("HEAD", path, &[]);
        assert_eq!((head.status, head.body.len()), (200, 0), "HEAD {path}");
        assert_eq!(head.header("content-length"), get.header("content-length"), "HEAD {path}");
        carries_the_headers(&head);
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            let answer = uecho.request(method, path, &[]);
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(
                answer.header("allow").map(|allow| allow.replace(' ', "")),
                Some("GET,HEAD".into()),
                "{method} {path}"
            );
            is_a_problem(&answer);
        }
    }
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        let answer = uecho.request(method, "/api/v1/echo?a=b", &[]);
        assert_eq!((answer.status, &answer.json()["method"]), (200, &method.into()));
        carries_the_headers(&answer);
    }
}

#[test]
fn errors_are_problems() {
    let uecho = Uecho::with("");
    for (path, status) in [("/%zz", 400), ("/api/", 404), ("/api/v1/nothing", 404)] {
        let answer = uecho.get(path);
        assert_eq!(answer.status, status, "{path}");
        is_a_problem(&answer);
    }
}

#[test]
fn no_route_of_the_ops_side_is_public() {
    let uecho = Uecho::with("");
    assert!(uecho.get("/metrics").text().contains("metrics right back at ya!"));
    assert!(uecho.get("/version").text().contains("version right back at ya!"));
    assert_eq!(uecho.get_ops("/text").status, 404);
    assert_eq!(uecho.get_ops("/").status, 404);
    let version = uecho.get_ops("/version").json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    carries_the_headers(&uecho.get_ops("/metrics"));
}

#[track_caller]
pub fn is_a_problem(answer: &Answer) {
    carries_the_headers(answer);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem = answer.json();
    assert_eq!(problem["status"], answer.status);
    assert!(problem["title"].is_string());
    assert_eq!(problem["trace_id"].as_str(), answer.header("x-trace-id"));
}

#[track_caller]
pub fn carries_the_headers(answer: &Answer) {
    let policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    assert_eq!(answer.header("content-security-policy"), Some(policy));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-trace-id").map(str::len), Some(32));
    let receipt = answer.header("x-uecho-receipt").unwrap();
    let keys: Vec<_> = receipt.split("; ").filter_map(|part| Some(part.split_once('=')?.0)).collect();
    assert_eq!(keys, ["version", "revision", "instance", "system", "boot"]);
}
