//! What is deployed: a configuration of a flake.

use std::{fmt, str::FromStr};

/// `FLAKE#NAME`: `nixosConfigurations.NAME` of the flake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flake {
    flake: String,
    name: String,
}

impl Flake {
    /// An attribute of the evaluated configuration, as nix expects it.
    #[must_use]
    pub(crate) fn attribute(&self, path: &str) -> String {
        format!("{}#nixosConfigurations.{}.config.{path}", self.flake, self.name)
    }
}

impl FromStr for Flake {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('#') {
            Some((flake, name)) if !name.is_empty() => Ok(Self { flake: flake.into(), name: name.into() }),
            _ => Err(format!("`{text}` names no system; write it like \".#appliance\"")),
        }
    }
}

impl fmt::Display for Flake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.flake, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flake_names_a_system() {
        let flake: Flake = "github:a/b?dir=c#prod".parse().unwrap();
        assert_eq!(flake.attribute("x"), "github:a/b?dir=c#nixosConfigurations.prod.config.x");
        assert_eq!(flake.to_string(), "github:a/b?dir=c#prod");
        assert_eq!(
            "#appliance".parse::<Flake>().unwrap().attribute("y"),
            "#nixosConfigurations.appliance.config.y"
        );
        for wrong in ["", ".", "here", ".#"] {
            assert!(wrong.parse::<Flake>().unwrap_err().contains("\".#appliance\""), "{wrong}");
        }
    }
}
