//! Checks that an answer reads exactly as it must: its status, its body, and the headers that every answer
//! has.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use crate::{
    challenge::Challenge,
    receipt::Receipt,
    unhealthy::{Fault, Step},
};

/// Headers with a fixed value.
const FIXED: [(&str, &str); 3] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
];

/// The header with what a page may do, which is nothing.
const POLICY: &str = "content-security-policy";
/// What it says at least. Another version may forbid more: a guard also judges those before it.
const FORBIDDEN: [&str; 2] = ["default-src", "frame-ancestors"];

/// Checks the answer to a step and gives its receipt.
///
/// # Errors
/// The first difference found; [`Fault::NotReady`] when the service itself says that it is not ready.
pub fn answer(answer: &Response<Bytes>, step: Step, challenge: &Challenge) -> Result<Receipt, Fault> {
    if step == Step::Readyz && answer.status() == StatusCode::SERVICE_UNAVAILABLE {
        return Err(not_ready(answer.body()));
    }
    if answer.status() != StatusCode::OK {
        return Err(Fault::wrong(format!("status is {}, expected 200", answer.status().as_u16())));
    }
    let receipt = headers(answer.headers())?;
    match step {
        Step::Readyz => {
            content_type(answer.headers(), "application/json")?;
            json_body(answer.body(), &json!({ "ready": true }))?;
        }
        Step::Page => {
            content_type(answer.headers(), "text/html; charset=utf-8")?;
            if answer.body() != challenge.page.as_bytes() {
                return Err(different(&challenge.page, answer.body()));
            }
        }
        Step::Json => {
            content_type(answer.headers(), "application/json")?;
            let Challenge { text, .. } = challenge;
            json_body(
                answer.body(),
                &json!({ "text": text, "message": format!("{text} right back at ya!") }),
            )?;
        }
    }
    Ok(receipt)
}

fn not_ready(body: &[u8]) -> Fault {
    let reasons = serde_json::from_slice::<Value>(body).ok().and_then(|body| {
        let reasons = body.get("reasons")?.as_array()?;
        Some(reasons.iter().filter_map(Value::as_str).map(printable).collect::<Vec<_>>())
    });
    Fault::NotReady { reasons: reasons.unwrap_or_else(|| vec!["status is 503".into()]) }
}

fn headers(headers: &HeaderMap) -> Result<Receipt, Fault> {
    for (name, expected) in FIXED {
        let value = single(headers, name)?;
        if value != expected {
            return Err(Fault::wrong(format!(
                "header {name} is `{}`, expected `{expected}`",
                printable(value)
            )));
        }
    }
    let policy = single(headers, POLICY)?;
    if !allows_nothing(policy) {
        return Err(Fault::wrong(format!(
            "header {POLICY} is `{}`, expected `'none'` for {} and all that it names",
            printable(policy),
            FORBIDDEN.join(", ")
        )));
    }
    let trace_id = single(headers, "x-trace-id")?;
    if trace_id.len() != 32 || !trace_id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Fault::wrong(format!(
            "header x-trace-id is `{}`, expected 32 hexadecimal digits",
            printable(trace_id)
        )));
    }
    let receipt = single(headers, "x-uecho-receipt")?;
    Receipt::parse(receipt).ok_or_else(|| {
        Fault::wrong(format!("header x-uecho-receipt is `{}`, not a receipt", printable(receipt)))
    })
}

/// Whether each directive of the policy is `'none'` alone, and all that matter are there.
fn allows_nothing(policy: &str) -> bool {
    let directives: Vec<_> = policy.split(';').map(|directive| directive.trim().split_once(' ')).collect();
    FORBIDDEN.iter().all(|name| directives.contains(&Some((name, "'none'"))))
        && directives.iter().all(|directive| matches!(directive, Some((_, "'none'"))))
}

fn content_type(headers: &HeaderMap, expected: &str) -> Result<(), Fault> {
    let value = single(headers, "content-type")?;
    if value == expected {
        return Ok(());
    }
    Err(Fault::wrong(format!("header content-type is `{}`, expected `{expected}`", printable(value))))
}

/// The value of a header that must occur exactly once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Fault> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => {
            value.to_str().map_err(|_| Fault::wrong(format!("header {name} is not visible ASCII")))
        }
        (None, _) => Err(Fault::wrong(format!("header {name} is missing"))),
        (Some(_), Some(_)) => Err(Fault::wrong(format!("header {name} is repeated"))),
    }
}

fn json_body(body: &[u8], expected: &Value) -> Result<(), Fault> {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) if value == *expected => Ok(()),
        Ok(_) => Err(different(&expected.to_string(), body)),
        Err(error) => Err(Fault::wrong(format!("the body is not JSON: {error}"))),
    }
}

/// Shows both bodies from shortly before the first byte that differs.
fn different(expected: &str, actual: &[u8]) -> Fault {
    let at = expected.bytes().zip(actual).take_while(|(expected, actual)| expected == *actual).count();
    let from = at.saturating_sub(8);
    let excerpt = |bytes: &[u8]| {
        let excerpt = bytes.get(from..bytes.len().min(from + 40)).unwrap_or_default();
        printable(&String::from_utf8_lossy(excerpt))
    };
    let [actual, expected] = [excerpt(actual), excerpt(expected.as_bytes())];
    Fault::wrong(format!("the body differs at byte {at}: `{actual}`, expected `{expected}`"))
}

/// Makes what a server sent printable: it must not control a terminal or begin a line.
fn printable(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";
    const RECEIPT: &str = "version=1; revision=r; instance=i; system=s; boot=b";

    fn response(status: u16, content_type: &str, body: &str) -> Response<Bytes> {
        let mut response = Response::builder().status(status).header("content-type", content_type);
        for (name, value) in FIXED {
            response = response.header(name, value);
        }
        response
            .header(POLICY, NOTHING)
            .header("x-trace-id", "0123456789abcdef0123456789abcdef")
            .header("x-uecho-receipt", RECEIPT)
            .body(Bytes::copy_from_slice(body.as_bytes()))
            .unwrap()
    }

    fn page(challenge: &Challenge) -> Response<Bytes> {
        response(200, "text/html; charset=utf-8", &challenge.page)
    }

    fn reason(result: Result<Receipt, Fault>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn correct_answers_pass() {
        let challenge = Challenge::random();
        let receipt = answer(&page(&challenge), Step::Page, &challenge).unwrap();
        assert_eq!((receipt.version.as_str(), receipt.boot.as_str()), ("1", "b"));
        let text = &challenge.text;
        let body = json!({ "message": format!("{text} right back at ya!"), "text": text }).to_string();
        answer(&response(200, "application/json", &body), Step::Json, &challenge).unwrap();
        answer(&response(200, "application/json", "{\"ready\":true}"), Step::Readyz, &challenge).unwrap();
    }

    #[test]
    fn every_header_must_occur_exactly_once() {
        let challenge = Challenge::random();
        let names: Vec<_> = page(&challenge).headers().keys().cloned().collect();
        assert_eq!(names.len(), FIXED.len() + 4);
        for name in names {
            let mut missing = page(&challenge);
            missing.headers_mut().remove(&name);
            assert_eq!(reason(answer(&missing, Step::Page, &challenge)), format!("header {name} is missing"));
            let mut repeated = page(&challenge);
            let value = repeated.headers()[&name].clone();
            repeated.headers_mut().append(&name, value);
            assert_eq!(
                reason(answer(&repeated, Step::Page, &challenge)),
                format!("header {name} is repeated")
            );
            let mut wrong = page(&challenge);
            wrong.headers_mut().insert(&name, "wrong".parse().unwrap());
            assert!(
                reason(answer(&wrong, Step::Page, &challenge))
                    .starts_with(&format!("header {name} is `wrong`"))
            );
        }
    }

    #[test]
    fn a_policy_may_forbid_more_and_must_not_forbid_less() {
        for good in [NOTHING, "frame-ancestors 'none';default-src 'none'; form-action 'none'"] {
            assert!(allows_nothing(good), "{good}");
        }
        for wrong in [
            "",
            "default-src 'none'",
            "frame-ancestors 'none'",
            "default-src 'none'; frame-ancestors *",
            "default-src 'none'; frame-ancestors 'none'; script-src 'self'",
            "default-src 'none'; frame-ancestors 'none'; script-src * 'none'",
            "default-src 'none'; frame-ancestors 'none'; sandbox",
        ] {
            assert!(!allows_nothing(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_page_that_is_not_escaped_is_caught() {
        let challenge = Challenge::random();
        for (escaped, raw) in
            [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&amp;amp;", "&amp;")]
        {
            let body = challenge.page.replace(escaped, raw);
            let fault = answer(&response(200, "text/html; charset=utf-8", &body), Step::Page, &challenge);
            assert!(reason(fault).starts_with("the body differs at byte"), "{raw}");
        }
        for body in [format!("{} ", challenge.page), String::new()] {
            assert!(
                answer(&response(200, "text/html; charset=utf-8", &body), Step::Page, &challenge).is_err()
            );
        }
    }

    #[test]
    fn wrong_json_wrong_status_and_not_ready_are_different_errors() {
        let challenge = Challenge::random();
        let json = |status, body| answer(&response(status, "application/json", body), Step::Json, &challenge);
        assert_eq!(reason(json(500, "{}")), "status is 500, expected 200");
        assert!(reason(json(200, "<html>")).starts_with("the body is not JSON"));
        assert!(reason(json(200, "{\"text\":\"other\"}")).starts_with("the body differs"));
        let ready =
            |status, body| answer(&response(status, "application/json", body), Step::Readyz, &challenge);
        assert_eq!(
            reason(ready(503, "{\"ready\":false,\"reasons\":[\"draining\",\"peers down\"]}")),
            "not ready: draining, peers down"
        );
        assert_eq!(reason(ready(503, "busy\u{1b}[31m")), "not ready: status is 503");
        assert!(ready(200, "{\"ready\":false}").is_err());
    }

    #[test]
    fn the_text_of_a_server_is_shown_without_control_characters() {
        assert!(!different("abc", b"ab\x1b[31m\n").to_string().contains(['\x1b', '\n']));
    }
}
