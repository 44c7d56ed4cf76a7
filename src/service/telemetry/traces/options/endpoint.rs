//! The URL that spans are sent to.

use std::fmt;

use http::Uri;
use uecho_probe::url::{BaseUrl, Origin};

/// Path of the signal below an endpoint that is a base.
const SIGNAL_PATH: &str = "/v1/traces";

/// Origin and target.
#[derive(Debug)]
pub(in crate::telemetry::traces) struct Endpoint {
    pub(in crate::telemetry::traces) origin: Origin,
    /// Path and query.
    pub(in crate::telemetry::traces) target: Uri,
}

impl Endpoint {
    /// That of the signal below this URL.
    pub(super) fn below(base: &str) -> Result<Self, String> {
        let BaseUrl { origin, prefix } = base.parse()?;
        let target = format!("{prefix}{SIGNAL_PATH}").parse();
        Ok(Self { origin, target: target.map_err(|error| format!("`{base}` is not a URL ({error})"))? })
    }

    /// This URL, to the letter.
    pub(super) fn exact(url: &str) -> Result<Self, String> {
        let query = url.find('?').filter(|query| !url[..*query].contains('#')).unwrap_or(url.len());
        let BaseUrl { origin, .. } = url[..query].parse()?;
        let whole: Uri = url.parse().map_err(|error| format!("it is not a URL ({error})"))?;
        let target =
            whole.path_and_query().map_or_else(|| Uri::from_static("/"), |target| target.clone().into());
        Ok(Self { origin, target })
    }
}

impl fmt::Display for Endpoint {
    /// Without the query, which may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.target.path())
    }
}
