//! The table of settings in docs/settings.md is the one the program has.

#[path = "../../../examples/generate-docs/reference.rs"]
mod table;

#[test]
fn the_page_has_every_setting_as_it_is() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/settings.md");
    let page = std::fs::read_to_string(path).unwrap();
    let expected = table::in_page(&page, &table::markdown().unwrap()).unwrap();
    assert!(page == expected, "run: cargo run --example generate-docs -- --update docs/settings.md");
}
