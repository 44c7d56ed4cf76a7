//! The log thread: the only place where events are written. A reader that stops reading blocks this thread
//! and nothing else.

use std::{cell::Cell, sync::Arc, time::Duration};

use tokio::sync::watch;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use crate::{
    config::ConfigError,
    telemetry::{
        access,
        log::{
            event::Captured,
            output::Output,
            queue::{Message, Queue},
        },
    },
};

/// Name of the thread, at most 15 bytes.
pub(super) const NAME: &str = "uecho-log";

/// How long the thread lets events gather while there are any: one wake-up and one write for all of them.
const GATHER: Duration = Duration::from_millis(10);

thread_local! {
    static HERE: Cell<bool> = const { Cell::new(false) };
}

/// The layer that every event passes. It copies the event into the queue, or writes it at once on the log
/// thread itself.
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

/// Starts the thread; the sender of the receiver is dropped when the thread ends for any reason.
pub(super) fn start(output: Arc<Output>, queue: Queue) -> Result<watch::Receiver<()>, ConfigError> {
    let (alive, watch) = watch::channel(());
    std::thread::Builder::new()
        .name(NAME.into())
        .spawn(move || {
            let _alive = alive;
            HERE.set(true);
            run(&output, &queue);
        })
        .map_err(|error| ConfigError::new(format!("cannot start the log thread: {error}")))?;
    Ok(watch)
}

fn run(output: &Output, queue: &Queue) -> ! {
    let (mut messages, mut client) = (Vec::new(), access::ClientText::default());
    loop {
        // to wake a waiting thread takes a system call, which senders save while events gather
        queue.take(&mut messages, true);
        while !messages.is_empty() {
            write(output, &mut messages, &mut client, queue);
            std::thread::park_timeout(GATHER);
            queue.take(&mut messages, false);
        }
    }
}

fn write(output: &Output, messages: &mut Vec<Message>, client: &mut access::ClientText, queue: &Queue) {
    let reachable = output.reachable();
    for message in messages.drain(..) {
        match message {
            Message::Flush(done) => {
                queue.dropped.inc_by(output.write());
                let _ = done.try_send(());
            }
            _ if !reachable => queue.dropped.inc(),
            Message::Event(event) => output.replay(&event),
            Message::Access(record) => output.access(&record, client),
        }
    }
    queue.dropped.inc_by(output.write());
}
