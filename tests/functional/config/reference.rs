//! The README's table of settings is the one the program has.

#[path = "../../../examples/generate-docs/reference.rs"]
mod table;

#[test]
fn the_readme_has_every_setting_as_it_is() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let expected = table::in_readme(&readme, &table::markdown().unwrap()).unwrap();
    assert!(readme == expected, "run: cargo run --example generate-docs -- --readme README.md");
}
