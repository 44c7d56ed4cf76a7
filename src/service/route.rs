//! Route patterns: the only values of the label `http_route`.

use http::Method;

/// The listener that a request came in on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The echo service.
    Public,
    /// Health, version and metrics.
    Ops,
}

/// A route of either listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /`
    Root,
    /// `GET /{text}`
    Echo,
    /// any method, `/api/v1/echo`
    Mirror,
    /// `GET /api/v1/fanout/{text}`
    Fanout,
    /// `GET /healthz`
    Healthz,
    /// `GET /readyz`
    Readyz,
    /// `GET /version`, ops only
    Version,
    /// `GET /metrics`, ops only
    Metrics,
    /// None of our routes.
    Unmatched,
}

impl Route {
    /// The pattern, as the router and the metrics spell it.
    #[must_use]
    pub const fn pattern(self) -> &'static str {
        match self {
            Self::Root => "/",
            Self::Echo => "/{text}",
            Self::Mirror => "/api/v1/echo",
            Self::Fanout => "/api/v1/fanout/{*text}",
            Self::Healthz => "/healthz",
            Self::Readyz => "/readyz",
            Self::Version => "/version",
            Self::Metrics => "/metrics",
            Self::Unmatched => "unmatched",
        }
    }

    /// The route that serves this path on this side. Nothing below `/api/` is echoed: a mistyped API path is
    /// 404, not a page.
    #[must_use]
    pub fn of(side: Side, path: &str) -> Self {
        match (side, path) {
            (_, "/healthz") => Self::Healthz,
            (_, "/readyz") => Self::Readyz,
            (Side::Ops, "/version") => Self::Version,
            (Side::Ops, "/metrics") => Self::Metrics,
            (Side::Ops, _) => Self::Unmatched,
            (Side::Public, "/") => Self::Root,
            (Side::Public, path) => match path.strip_prefix("/api/") {
                None => Self::Echo,
                Some("v1/echo") => Self::Mirror,
                Some(rest) if rest.starts_with("v1/fanout/") && rest.len() > "v1/fanout/".len() => {
                    Self::Fanout
                }
                Some(_) => Self::Unmatched,
            },
        }
    }
}

/// The label of methods that OpenTelemetry does not know, and of what is not a request at all.
pub const METHOD_OTHER: &str = "_OTHER";

/// The method as a label: known ones by name, the rest `_OTHER` (OpenTelemetry's rule).
#[must_use]
pub fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "CONNECT" => "CONNECT",
        "OPTIONS" => "OPTIONS",
        "TRACE" => "TRACE",
        "PATCH" => "PATCH",
        _ => METHOD_OTHER,
    }
}
