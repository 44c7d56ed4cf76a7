//! The routers of the two listeners.

use std::sync::Arc;

use axum::{
    Router,
    routing::{any, get},
};

use crate::{
    http::routes::{echo, fanout, health, mirror, root},
    route::Route,
    state::App,
};

/// Routes of the public listener.
pub(super) fn public(app: Arc<App>) -> Router {
    Router::new()
        .route(Route::Root.pattern(), get(root::get))
        .route(Route::Mirror.pattern(), any(mirror::any))
        .route(Route::Fanout.pattern(), get(fanout::get))
        .route(Route::Healthz.pattern(), get(health::healthz))
        .route(Route::Readyz.pattern(), get(health::readyz))
        .fallback(echo::fallback)
        .with_state(app)
}

/// Routes of the ops listener.
pub(super) fn ops(app: Arc<App>) -> Router {
    Router::new()
        .route(Route::Healthz.pattern(), get(health::healthz))
        .route(Route::Readyz.pattern(), get(health::readyz))
        .route(Route::Version.pattern(), get(health::version))
        .route(Route::Metrics.pattern(), get(health::metrics))
        .with_state(app)
}
