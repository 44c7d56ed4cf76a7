//! The settings of the service. Each section has a file with its keys, their defaults, and the checks that
//! make them valid.

mod api;
mod drain;
mod fanout;
mod limits;
mod listeners;
mod log;
mod otlp;
mod policy;
mod workers;

use std::path::PathBuf;

pub use api::Api;
pub use drain::Drain;
pub use fanout::Fanout;
pub use limits::Limits;
pub use listeners::{Ops, Public};
pub use log::{Access, Log, LogFormat};
pub use otlp::Otlp;
pub use policy::Policy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub use workers::Workers;

use crate::config::{checker::Checker, forms, invalid::Invalid};

/// The longest value that goes into the receipt of every answer.
const LABEL_BYTES: usize = 256;

/// All settings of the service. Unknown keys are refused.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What `GET /` says.
    pub message: String,
    /// Name of this node in the receipt; the host name unless set.
    pub instance: String,
    /// Name of the system generation or image, for the receipt.
    pub system: String,
    /// Symbolic link to the running system in the Nix store, `/run/current-system` on NixOS: its hash is
    /// added to `system` in the receipt.
    #[schemars(schema_with = "forms::path")]
    pub current_system: Option<PathBuf>,
    /// Threads that serve the public listener: `"auto"`, one for each CPU that the process may use, or a
    /// number.
    pub workers: Workers,
    /// The public listener.
    pub public: Public,
    /// The ops listener: health, version, metrics.
    pub ops: Ops,
    /// Bounds on what a client may ask of us.
    pub limits: Limits,
    /// How the service stops.
    pub drain: Drain,
    /// Peers, and the policy for their answers.
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
            workers: Workers::default(),
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

impl Settings {
    /// Everything that is out of range or contradicts another setting.
    #[must_use]
    pub(super) fn check(&self) -> Vec<Invalid> {
        let mut checker = Checker::default();
        for (key, value) in [("instance", &self.instance), ("system", &self.system)] {
            checker.require(key, !value.trim().is_empty(), "must not be empty; leave it out for the default");
            let found = value.len();
            let text = format!("expected at most {LABEL_BYTES} bytes, found {found}");
            checker.require(key, found <= LABEL_BYTES, &text);
        }
        checker.absolute("current_system", self.current_system.as_deref(), "/run/current-system");
        listeners::check(&self.public, &self.ops, &mut checker);
        self.limits.check(&mut checker);
        self.drain.check(&mut checker);
        self.fanout.check(&mut checker);
        self.api.check(self.limits.header_bytes, &mut checker);
        self.log.check(&mut checker);
        self.otlp.check(&mut checker);
        checker.invalid
    }
}
