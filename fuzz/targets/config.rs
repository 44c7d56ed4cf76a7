//! Any text is a configuration or is refused in whole lines; what is shown of one means the same again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use uecho::config::{self, Loaded, secret::REDACTED, show};

fuzz_target!(|text: &str| {
    match config::from_toml(text) {
        Err(error) => {
            assert!(!error.invalid.is_empty());
            for wrong in &error.invalid {
                let line = wrong.to_string();
                assert!(!line.is_empty() && !line.contains(char::is_control), "{line:?}");
            }
        }
        Ok(loaded) => {
            let shown = show::render(&loaded);
            // a redacted secret is refused on purpose
            if shown.contains(REDACTED) {
                return;
            }
            let again = config::from_toml(&shown).unwrap_or_else(|error| panic!("{error}\n{shown}"));
            let json = |loaded: &Loaded| serde_json::to_value(&loaded.settings).unwrap();
            assert_eq!(json(&again), json(&loaded), "{shown}");
        }
    }
});
