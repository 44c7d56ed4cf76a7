//! The threads that serve. Each has a runtime of its own, so that the cost of a request does not grow with
//! their number; a connection stays with the worker that it was handed to. The first worker is the main
//! thread. It also accepts, sweeps, answers on the ops listener, and does what a process does once: signals,
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

/// The most threads for work that can only block, like looking up names; divided among the workers.
const BLOCKING_THREADS: usize = 512;

/// The threads beside the main one. When this is dropped, each of them ends and drops the connections it
/// still serves. Nobody waits for that, so that a thread that hangs does not delay the end.
pub(super) struct Threads {
    #[cfg_attr(not(test), expect(dead_code, reason = "dropping it is what counts"))]
    stop: Vec<oneshot::Sender<()>>,
    #[cfg(test)]
    runtimes: Vec<runtime::Handle>,
}

impl Threads {
    /// Starts the configured number of workers, the calling thread among them. When a thread ends by itself,
    /// its task in `tasks` ends, too.
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
                // dropped in whichever way the thread ends
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

    /// Ends a thread that must not end.
    #[cfg(test)]
    pub(super) fn lose(&mut self, number: usize) {
        drop(self.stop.remove(number - 1));
    }

    /// Makes a thread hang, from now until the value that this gives is dropped.
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

/// The body of one thread.
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
