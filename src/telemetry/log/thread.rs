//! The log thread: the only place where events are written. A reader that stops reading blocks this thread and nothing else.

use std::{
    cell::Cell,
    sync::{Arc, mpsc::Receiver},
    time::Duration,
};

use tokio::sync::watch;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use super::{
    event::Captured,
    output::Output,
    queue::{Message, Queue},
};
use crate::{config::ConfigError, telemetry::access};

/// Name of the thread, at most 15 bytes.
pub(super) const NAME: &str = "uecho-log";

/// How long events gather while there are any: one wake-up and one write for all of them.
const GATHER: Duration = Duration::from_millis(10);

thread_local! {
    static HERE: Cell<bool> = const { Cell::new(false) };
}

/// The layer that every event passes: copied into the queue, or written at once on the log thread itself.
pub(super) struct Forward {
    queue: Queue,
    output: Arc<Output>,
}

impl Forward {
    pub(super) fn new(queue: Queue, output: Arc<Output>) -> Self {
        Self { queue, output }
    }

    pub(super) fn flush(&self, limit: Duration) -> bool {
        self.queue.flush(limit)
    }
}

impl<S: Subscriber> Layer<S> for Forward {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if HERE.get() {
            self.output.event(event);
        } else {
            self.queue.event(Captured::of(event));
        }
    }
}

/// Starts the thread; the receiver's sender is dropped when the thread ends for any reason.
pub(super) fn start(
    output: Arc<Output>,
    messages: Receiver<Message>,
    queue: Queue,
) -> Result<watch::Receiver<()>, ConfigError> {
    let (alive, watch) = watch::channel(());
    std::thread::Builder::new()
        .name(NAME.into())
        .spawn(move || {
            let _alive = alive;
            HERE.set(true);
            run(&output, &messages, &queue);
        })
        .map_err(|error| ConfigError::new(format!("cannot start the log thread: {error}")))?;
    Ok(watch)
}

fn run(output: &Output, messages: &Receiver<Message>, queue: &Queue) {
    while let Ok(first) = messages.recv() {
        let mut next = Some(first);
        // senders wake a thread that waits in recv() by a system call; one that is parked here costs them nothing
        while let Some(message) = next {
            batch(output, message, messages, queue);
            std::thread::park_timeout(GATHER);
            next = messages.try_recv().ok();
        }
    }
}

fn batch(output: &Output, first: Message, messages: &Receiver<Message>, queue: &Queue) {
    let reachable = output.reachable();
    let mut flushes = Vec::new();
    for message in std::iter::once(first).chain(messages.try_iter()) {
        if matches!(message, Message::Access(_)) {
            queue.access_taken();
        }
        match message {
            Message::Flush(done) => {
                flushes.push(done);
                break;
            }
            _ if !reachable => queue.dropped.inc(),
            Message::Event(event) => output.replay(&event),
            Message::Access(record) => access::emit(&record),
        }
    }
    output.write();
    for done in flushes {
        let _ = done.try_send(());
    }
}
