//! The way down: the service is not ready, then accepts no new connections, then waits for requests
//! in flight until a deadline. It tells the service manager all along and the log at the end.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use crate::{
    net::phase::Phase,
    process::{serving::Serving, signals::Signals, systemd},
    state::{App, readiness::Reason},
};

/// Time for connections of the ops listener, which stays until the public side is done so that the drain can
/// be watched. It is shorter when the deadline is nearer, and zero after the deadline.
const OPS: Duration = Duration::from_secs(1);

/// How often the service tells the service manager that it still drains.
const NEWS: Duration = Duration::from_secs(1);

/// How much longer the service manager shall wait after each of these messages; small, so that it still finds
/// a hang.
const EXTENSION: Duration = Duration::from_secs(5);

/// Stops serving; `reason` is a signal's name or says which task died. Logs one event of target
/// `uecho::drain` with the fields `drain.reason`, `drain.in_flight` (requests on the public side when the
/// reason came), `drain.finished` and `drain.cut` (public requests that ended since then, with a whole answer
/// and without), `drain.seconds`.
pub(super) async fn drain(
    app: &App,
    reason: &str,
    public: &mut Serving,
    ops: &mut Serving,
    signals: &mut Signals,
) {
    let begin = Instant::now();
    let before = app.requests();
    app.readiness.set(Reason::Draining, true);
    public.advance(Phase::Unready);
    ops.advance(Phase::Unready);
    systemd::notify(&[NotifyState::Stopping, NotifyState::Status(&format!("stopping ({reason})"))]);
    tracing::info!("{reason}: stopping, {} requests in flight", before.in_flight());

    let settings = &app.settings.drain;
    let limit = settings.delay.0 + settings.deadline.0;
    let cut_short = tokio::select! {
        whole = way_down(public, settings.delay.0, settings.deadline.0) => {
            (!whole).then_some("drain.deadline has passed")
        }
        _ = signals.stop() => Some("a second signal came"),
        () = tell(app, begin, limit) => None,
    };
    if let Some(why) = cut_short {
        tracing::warn!("{why}: {} requests are cut", app.requests().in_flight());
    } else {
        ops.drain(OPS.min(limit.saturating_sub(begin.elapsed()))).await;
    }
    public.cut().await;
    ops.cut().await;

    let after = app.requests();
    let cut = after.cut - before.cut;
    let finished = (after.ended - before.ended).saturating_sub(cut);
    let seconds = begin.elapsed().as_secs_f64();
    tracing::event!(
        target: "uecho::drain",
        tracing::Level::INFO,
        drain.reason = reason,
        drain.in_flight = before.in_flight(),
        drain.finished = finished,
        drain.cut = cut,
        drain.seconds = seconds,
        "drained after {reason}: {} requests in flight, {finished} finished, {cut} cut, {seconds:.1} s",
        before.in_flight(),
    );
}

/// Gives false when the deadline passed before the last connection ended.
async fn way_down(public: &mut Serving, delay: Duration, deadline: Duration) -> bool {
    tokio::time::sleep(delay).await;
    public.drain(deadline).await
}

/// Asks the service manager for more time until `limit` has passed; never ends by itself.
async fn tell(app: &App, begin: Instant, limit: Duration) {
    let mut news = tokio::time::interval(NEWS);
    let extension = u32::try_from(EXTENSION.as_micros()).unwrap_or(u32::MAX);
    loop {
        news.tick().await;
        let left = limit.saturating_sub(begin.elapsed()).as_secs_f64();
        let status = format!("draining: {} requests in flight, {left:.0} s left", app.requests().in_flight());
        systemd::notify(&[NotifyState::ExtendTimeoutUsec(extension), NotifyState::Status(&status)]);
    }
}
