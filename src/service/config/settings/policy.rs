//! How many peers must answer: `"best_effort"`, `"all"`, `"any"` or `{ quorum = n }`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

/// How many peers must answer `ok`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Any number, including none.
    #[default]
    BestEffort,
    /// Every peer.
    All,
    /// At least one.
    Any,
    /// At least this many.
    Quorum(usize),
}

const EXPECTED: &str = "\"best_effort\", \"all\", \"any\" or { quorum = n }";

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Policy;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Policy, E> {
                match text {
                    "best_effort" => Ok(Policy::BestEffort),
                    "all" => Ok(Policy::All),
                    "any" => Ok(Policy::Any),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Policy, A::Error> {
                match map.next_key::<String>()?.as_deref() {
                    Some("quorum") => {}
                    Some(other) => return Err(de::Error::invalid_value(de::Unexpected::Str(other), &self)),
                    None => return Err(de::Error::invalid_length(0, &self)),
                }
                let quorum = map.next_value()?;
                match map.next_key::<String>()? {
                    None => Ok(Policy::Quorum(quorum)),
                    Some(other) => Err(de::Error::invalid_value(de::Unexpected::Str(&other), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
