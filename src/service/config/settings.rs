//! The settings of the service, one struct a section, each default beside its field.

mod api;
mod fanout;
mod limits;
mod listeners;
mod log;
mod otlp;
mod policy;
mod secret;

use std::path::PathBuf;

pub use api::Api;
pub use fanout::Fanout;
pub use limits::{Drain, Limits};
pub use listeners::{Ops, Public};
pub use log::{Access, Log, LogFormat};
pub use otlp::Otlp;
pub use policy::Policy;
pub use secret::{REDACTED, SECRET_KEYS, is_secret, may_hold_secret};
use serde::{Deserialize, Serialize};

/// Everything the service can be told. Unknown keys are refused.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What `GET /` says.
    pub message: String,
    /// Name of this node in the receipt; the host name unless set.
    pub instance: String,
    /// Which system generation or image this is, for the receipt.
    pub system: String,
    /// Symbolic link to the running system in the Nix store, `/run/current-system` on NixOS: its hash is added to `system` in the receipt.
    pub current_system: Option<PathBuf>,
    /// The public listener.
    pub public: Public,
    /// The ops listener: health, version, metrics.
    pub ops: Ops,
    /// Bounds on what a client may ask of us.
    pub limits: Limits,
    /// How the service stops.
    pub drain: Drain,
    /// Peers, and what to make of their answers.
    pub fanout: Fanout,
    /// The `/api/` routes.
    pub api: Api,
    /// Logging.
    pub log: Log,
    /// Trace export.
    pub otlp: Otlp,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            message: "Automate all the things!".into(),
            instance: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            system: "unknown".into(),
            current_system: None,
            public: Public::default(),
            ops: Ops::default(),
            limits: Limits::default(),
            drain: Drain::default(),
            fanout: Fanout::default(),
            api: Api::default(),
            log: Log::default(),
            otlp: Otlp::default(),
        }
    }
}
