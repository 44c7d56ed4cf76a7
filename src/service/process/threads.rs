//! The threads that serve. Each has a runtime of its own, so that a request costs the same however many there
//! are; a connection stays with the worker that it was handed to. The first worker is the main thread, which
//! also accepts, sweeps, answers on the ops listener and does what there is to do once in a process: signals,
//! reload, peers, watchdog, drain, export of traces.

use std::{io, sync::Arc};

use tokio::{
    runtime::{self, Runtime},
    sync::oneshot,
};

use crate::{
    http::service::Service,
    net::worker::Worker,
    process::{error::Error, tasks::Tasks},
    route::Side,
    state::App,
};

/// Most threads for what can only be done blocking, like looking up names; shared out among the workers.
const BLOCKING_THREADS: usize = 512;

/// Threads beside the main one. Each ends when this is dropped, and with it what it still serves; nobody
/// waits for that, so that one that hangs does not hold the end back.
pub(super) struct Threads {
    #[cfg_attr(not(test), expect(dead_code, reason = "dropping it is what counts"))]
    stop: Vec<oneshot::Sender<()>>,
    #[cfg(test)]
    runtimes: Vec<runtime::Handle>,
}

impl Threads {
    /// Starts as many as there are to be, the calling thread among them. One that ends by itself ends its
    /// task in `tasks`.
    ///
    /// # Errors
    /// The system has no room for a thread or a runtime.
    pub(super) async fn start(app: &Arc<App>, tasks: &mut Tasks) -> Result<(Self, Vec<Worker>), Error> {
        let count = app.settings.workers.count();
        let mut all = vec![Worker::here(Service::new(app.clone(), Side::Public))];
        let (mut stop, mut started) = (Vec::new(), Vec::new());
        for number in 1..count {
            let name = format!("worker {number}");
            let failed = |error: io::Error| Error::Software(format!("cannot start {name}: {error}"));
            let (running, stopped) = oneshot::channel();
            let (starting, start) = oneshot::channel();
            let (living, ended) = oneshot::channel::<()>();
            let app = app.clone();
            let body = move || {
                // dropped however the thread ends
                let _living = living;
                serve(&app, count, starting, stopped);
            };
            std::thread::Builder::new().name(name.clone()).spawn(body).map_err(failed)?;
            tasks.spawn(name.clone(), async {
                let _ = ended.await;
            });
            stop.push(running);
            started.push((name, start));
        }
        for (name, start) in started {
            let gone = || io::Error::other("the thread ended");
            let worker = start.await.unwrap_or_else(|_| Err(gone()));
            all.push(worker.map_err(|error| Error::Software(format!("cannot start {name}: {error}")))?);
        }
        #[cfg(test)]
        let runtimes = all[1..].iter().map(Worker::runtime).collect();
        Ok((
            Self {
                stop,
                #[cfg(test)]
                runtimes,
            },
            all,
        ))
    }

    /// Has a thread end that should not.
    #[cfg(test)]
    pub(super) fn lose(&mut self, number: usize) {
        drop(self.stop.remove(number - 1));
    }

    /// Has a thread hang, from now until what this gives is dropped.
    #[cfg(test)]
    pub(super) fn hang(&self, number: usize) -> std::sync::mpsc::Sender<()> {
        let (end, hang) = std::sync::mpsc::channel();
        let (hanging, hangs) = std::sync::mpsc::channel();
        self.runtimes[number - 1].spawn(async move {
            hanging.send(()).unwrap();
            hang.recv()
        });
        hangs.recv().unwrap();
        end
    }
}

/// One thread, from start to end.
fn serve(
    app: &App,
    count: usize,
    starting: oneshot::Sender<io::Result<Worker>>,
    stopped: oneshot::Receiver<()>,
) {
    let begin = || {
        let runtime = runtime(count)?;
        let app = app.for_worker().map_err(io::Error::other)?;
        let worker = runtime.block_on(async { Worker::here(Service::new(app, Side::Public)) });
        Ok((runtime, worker))
    };
    match begin() {
        Ok((runtime, worker)) => {
            if starting.send(Ok(worker)).is_ok() {
                let _ = runtime.block_on(stopped);
            }
            runtime.shutdown_background();
        }
        Err(error) => drop(starting.send(Err(error))),
    }
}

/// The runtime of one of `count` workers.
///
/// # Errors
/// The system has no room for it.
pub(crate) fn runtime(count: usize) -> io::Result<Runtime> {
    runtime::Builder::new_current_thread()
        .max_blocking_threads((BLOCKING_THREADS / count).max(1))
        .enable_all()
        .build()
}
