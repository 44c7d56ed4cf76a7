//! The table of settings in docs/settings.md is that of the program.

#[path = "../../../examples/generate-docs/reference.rs"]
mod table;

#[test]
fn the_page_agrees_with_the_program() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/settings.md");
    let page = std::fs::read_to_string(path).unwrap();
    let expected = table::in_page(&page, &table::markdown().unwrap()).unwrap();
    assert!(page == expected, "run: cargo run --example generate-docs -- --update docs/settings.md");
}
