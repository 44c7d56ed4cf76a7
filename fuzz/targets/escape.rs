//! Any path is refused with 400 or answered with a page that gives an HTML parser exactly the text, and no
//! element more.

#![no_main]

use http::{StatusCode, Uri};
use libfuzzer_sys::fuzz_target;
use scraper::{Html, Selector};
use uecho::http::{negotiate::Media, routes::echo};

fuzz_target!(|path: &str| {
    // only what hyper lets through can reach the page
    let Some(path) = Uri::try_from(format!("/{path}")).ok().map(|uri| uri.path().to_owned()) else { return };
    let Some(expected) = decode(&path[1..]) else {
        assert_eq!(echo::text(&path).unwrap_err().status(), StatusCode::BAD_REQUEST);
        return;
    };
    assert_eq!(echo::text(&path).unwrap(), expected);

    let page = echo::respond(&path, Media::Html).unwrap();
    let document = Html::parse_document(std::str::from_utf8(&page).unwrap());
    // a parser makes every line end a line feed
    let expected = echo::message(&expected).replace("\r\n", "\n").replace('\r', "\n");
    let heading = document.select(&Selector::parse("h1").unwrap()).next().unwrap();
    assert_eq!(heading.text().collect::<String>(), expected);
    assert_eq!(document.root_element().descendent_elements().count(), 5, "html, head, title, body, h1");
});

/// What the text is, written down once more and slowly; `None`: a percent escape is malformed.
fn decode(raw: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let (high, low) =
                    (char::from(rest.next()?).to_digit(16)?, char::from(rest.next()?).to_digit(16)?);
                u8::try_from(high * 16 + low).unwrap()
            }
            byte => byte,
        });
    }
    Some(String::from_utf8_lossy(&bytes).replace('\0', "\u{FFFD}"))
}
