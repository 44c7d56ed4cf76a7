//! `/` and `/api/v1/echo`: what they answer, what they redact, and who may ask.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::support::{Builder, Uecho, http};

#[test]
fn the_root_has_the_configured_message_and_the_time() {
    let uecho = Uecho::with("message = '<Automate> all the things!'");
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let before = now();
    let root = uecho.get("/").json();
    assert_eq!(root["message"], "<Automate> all the things!");
    let timestamp = root["timestamp"].as_u64().expect("an integer");
    assert!((before..=now()).contains(&timestamp), "{timestamp}");

    let page = uecho.request("GET", "/", &[("Accept", "text/html,*/*;q=0.8")]);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("<h1>&lt;Automate&gt; all the things!</h1>"), "{}", page.text());
}

#[test]
fn the_default_message() {
    assert_eq!(Uecho::with("").get("/").json()["message"], "Automate all the things!");
}

#[test]
fn a_request_is_mirrored_without_its_secrets() {
    let uecho = Uecho::with("instance = 'node-1'\nsystem = 'gen-7'");
    let headers = [
        ("Authorization", "Bearer s3cret"),
        ("Cookie", "s3cret=1"),
        ("Proxy-Authorization", "s3cret"),
        ("X-Twice", "one"),
        ("X-Twice", "two"),
    ];
    let answer =
        http::request(uecho.public, "POST", "/api/v1/echo?a=b&c=%20", &headers, "gr\u{fc}n".as_bytes());
    assert!(!answer.text().contains("s3cret"), "{}", answer.text());
    let mirror = answer.json();
    assert_eq!(mirror["method"], "POST");
    assert_eq!(mirror["path"], "/api/v1/echo");
    assert_eq!(mirror["query"], "a=b&c=%20");
    assert_eq!(mirror["http_version"], "HTTP/1.1");
    assert_eq!(mirror["body"], json!({"bytes": 5, "text": "gr\u{fc}n"}));
    assert_eq!(mirror["headers"]["x-twice"], json!(["one", "two"]));
    for secret in ["authorization", "cookie", "proxy-authorization"] {
        assert_eq!(mirror["headers"][secret], json!(["[redacted]"]));
    }
    assert_eq!(mirror["receipt"]["instance"], "node-1");
    assert_eq!(mirror["receipt"]["system"], "gen-7");
    assert_eq!(mirror["receipt"], uecho.get_ops("/version").json());
}

#[test]
fn the_authority_of_the_target_is_shown_as_it_arrived() {
    let uecho = Uecho::with("");
    let absolute = uecho.get("http://Example.org:81/api/v1/echo?a=b").json();
    assert_eq!(
        (&absolute["authority"], &absolute["path"]),
        (&json!("Example.org:81"), &json!("/api/v1/echo"))
    );
    assert_eq!(absolute["headers"]["host"], json!([uecho.public.to_string()]));
    assert_eq!(uecho.get("/api/v1/echo").json()["authority"], json!(null), "a path has none");
}

#[test]
fn a_body_that_is_not_text_is_mirrored_as_base64() {
    let uecho = Uecho::with("");
    let answer = http::request(uecho.public, "PUT", "/api/v1/echo", &[], &[0xff, 0x00, 0xfe]);
    assert_eq!(answer.json()["body"], json!({"bytes": 3, "base64": "/wD+"}));
    let nothing = uecho.get("/api/v1/echo").json();
    assert_eq!((&nothing["body"], &nothing["query"]), (&json!({"bytes": 0, "text": ""}), &json!(null)));
}

#[test]
fn api_token_guards_exactly_the_api() {
    let uecho = Builder::new().credential("api.token", "s3cret\n").start();
    for path in ["/api/v1/echo", "/api/v1/fanout/x", "/api/v1/nothing"] {
        for wrong in [&[][..], &[("Authorization", "Bearer wrong")], &[("Authorization", "Basic s3cret")]] {
            let refused = uecho.request("GET", path, wrong);
            assert_eq!(refused.status, 401, "{path} {wrong:?}");
            assert!(refused.header("www-authenticate").unwrap().starts_with("Bearer realm=\"uecho\""));
            assert_eq!(refused.header("content-type"), Some("application/problem+json"));
        }
    }
    let token = [("Authorization", "Bearer s3cret")];
    assert_eq!(uecho.request("GET", "/api/v1/echo", &token).status, 200);
    assert_eq!(uecho.request("GET", "/api/v1/fanout/x", &token).status, 200);
    for path in ["/", "/text", "/healthz", "/readyz"] {
        assert_eq!(uecho.get(path).status, 200, "{path}");
    }
}
