//! A running `uecho`: inherited sockets (so that no port is fixed), a notify socket that waits for READY=1,
//! and SIGTERM on drop.

#![allow(dead_code, clippy::allow_attributes, reason = "not every test file uses every part")]

pub mod collector;
pub mod http;
pub mod journal;
pub mod mounts;
pub mod notify;
pub mod peer;

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    os::{fd::OwnedFd, unix::fs::MetadataExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use command_fds::{CommandFdExt, FdMapping};
pub use http::Answer;
use notify::NotifySocket;
use tempfile::TempDir;

/// The longest wait for anything that should happen soon; generous, because test machines are busy.
pub const SOON: Duration = Duration::from_secs(30);

/// The sockets that the service inherits.
#[derive(PartialEq)]
enum Sockets {
    None,
    /// Only those of [`Builder::inherit`].
    Extra,
    /// Those, and `public` and `ops`.
    Standard,
}

/// The service to start.
pub struct Builder {
    config: String,
    env: BTreeMap<String, String>,
    credentials: BTreeMap<String, String>,
    args: Vec<String>,
    sockets: Sockets,
    wait: bool,
    public: Option<TcpListener>,
    journal_stream: bool,
    mounts: Option<(&'static str, PathBuf)>,
    stderr: Option<Stdio>,
    extra: Vec<(String, OwnedFd)>,
    notify: Option<NotifySocket>,
}

/// A running service; stopped with SIGTERM, then SIGKILL, on drop.
pub struct Uecho {
    pub child: Child,
    pub public: SocketAddr,
    pub ops: SocketAddr,
    pub notify: NotifySocket,
    pub directory: TempDir,
}

impl Builder {
    pub fn new() -> Self {
        Self {
            config: String::new(),
            env: BTreeMap::new(),
            credentials: BTreeMap::new(),
            args: Vec::new(),
            sockets: Sockets::Standard,
            wait: true,
            public: None,
            journal_stream: false,
            mounts: None,
            stderr: None,
            extra: Vec::new(),
            notify: None,
        }
    }

    /// Adds TOML to the file that `UECHO_CONFIG` names.
    pub fn config(mut self, toml: &str) -> Self {
        self.config.push_str(toml);
        self
    }

    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Adds a file to `$CREDENTIALS_DIRECTORY`.
    pub fn credential(mut self, name: &str, value: &str) -> Self {
        self.credentials.insert(name.into(), value.into());
        self
    }

    /// Uses this socket instead of a notify socket at a path.
    pub fn notify(mut self, socket: NotifySocket) -> Self {
        self.notify = Some(socket);
        self
    }

    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Serves on this listener, so that others know the address before the service runs.
    pub fn public(mut self, listener: TcpListener) -> Self {
        self.public = Some(listener);
        self
    }

    /// Writes standard error there; [`Uecho::stderr`] is then empty.
    pub fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.stderr = Some(stderr.into());
        self
    }

    /// Sets `JOURNAL_STREAM` as if standard error were the journal.
    pub fn journal_stream(mut self) -> Self {
        self.journal_stream = true;
        self
    }

    /// Runs in a mount namespace of its own in which `/run/systemd/journal` is this directory; see
    /// [`mounts::namespaces`].
    pub fn journal(self, directory: &Path) -> Self {
        self.mounts(journal::MOUNT, directory).journal_stream()
    }

    /// Runs in a mount namespace of its own, after this script; see [`mounts::namespace`].
    pub fn mounts(mut self, script: &'static str, directory: &Path) -> Self {
        self.mounts = Some((script, directory.into()));
        self
    }

    /// Passes one more socket of this name.
    pub fn inherit(mut self, name: &str, socket: impl Into<OwnedFd>) -> Self {
        self.extra.push((name.into(), socket.into()));
        self
    }

    /// Passes only the sockets of [`Self::inherit`].
    pub fn no_standard_sockets(mut self) -> Self {
        self.sockets = Sockets::Extra;
        self
    }

    /// Passes no sockets: the service binds the configured addresses.
    pub fn no_sockets(mut self) -> Self {
        self.sockets = Sockets::None;
        self
    }

    /// Does not wait for READY=1: the service is expected to fail or to be slow.
    pub fn no_wait(mut self) -> Self {
        self.wait = false;
        self
    }

    #[track_caller]
    pub fn start(self) -> Uecho {
        let directory = TempDir::new().unwrap();
        let file = directory.path().join("uecho.toml");
        std::fs::write(&file, &self.config).unwrap();
        let notify = self.notify.unwrap_or_else(|| NotifySocket::bind(&directory.path().join("notify")));
        let sockets = [self.public.unwrap_or_else(listener), listener()];
        let [public, ops] = [sockets[0].local_addr().unwrap(), sockets[1].local_addr().unwrap()];

        // the shell sets LISTEN_PID to the pid of the process that inherits the sockets
        let script = if self.sockets == Sockets::None {
            "exec \"$0\" \"$@\""
        } else {
            "export LISTEN_PID=$$; exec \"$0\" \"$@\""
        };
        let mut command = match &self.mounts {
            None => Command::new("/bin/sh"),
            Some((script, directory)) => mounts::namespace(script, directory),
        };
        command.args(["-c", script, env!("CARGO_BIN_EXE_uecho")]).args(&self.args);
        command.env_clear().env("UECHO_CONFIG", &file).env("NOTIFY_SOCKET", &notify.path);
        let stderr = std::fs::File::create(directory.path().join("stderr")).unwrap();
        if self.journal_stream {
            let file = stderr.metadata().unwrap();
            command.env("JOURNAL_STREAM", format!("{}:{}", file.dev(), file.ino()));
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(self.stderr.unwrap_or_else(|| stderr.into()));
        if self.mounts.is_some() {
            command.env("PATH", std::env::var_os("PATH").unwrap());
        }
        if !self.credentials.is_empty() {
            let credentials = directory.path().join("credentials");
            std::fs::create_dir(&credentials).unwrap();
            for (name, value) in &self.credentials {
                std::fs::write(credentials.join(name), value).unwrap();
            }
            command.env("CREDENTIALS_DIRECTORY", credentials);
        }
        if self.sockets != Sockets::None {
            let standard = ["public", "ops"].map(str::to_owned).into_iter().zip(sockets.map(OwnedFd::from));
            let standard = standard.filter(|_| self.sockets == Sockets::Standard);
            let (names, sockets): (Vec<_>, Vec<_>) = standard.chain(self.extra).unzip();
            command.env("LISTEN_FDS", sockets.len().to_string()).env("LISTEN_FDNAMES", names.join(":"));
            let fds =
                sockets.into_iter().zip(3..).map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd });
            command.fd_mappings(fds.collect()).unwrap();
        }
        // runs the whole suite with this number of workers
        if let Ok(workers) = std::env::var("TEST_WORKERS") {
            command.env("UECHO_WORKERS", workers);
        }
        command.envs(&self.env);
        let child = command.spawn().unwrap();
        let mut uecho = Uecho { child, public, ops, notify, directory };
        if self.wait {
            uecho.wait_ready();
        }
        uecho
    }
}

impl Uecho {
    /// A service with this configuration, which is ready.
    #[track_caller]
    pub fn with(config: &str) -> Self {
        Builder::new().config(config).start()
    }

    #[track_caller]
    pub fn wait_ready(&mut self) {
        if !self.notify.wait_for("READY=1") {
            let status = self.child.try_wait();
            panic!("not ready; exit: {status:?}; stderr:\n{}", self.stderr());
        }
    }

    /// Sends GET to the public listener.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[])
    }

    /// Sends GET to the ops listener.
    #[track_caller]
    pub fn get_ops(&self, path: &str) -> Answer {
        http::request(self.ops, "GET", path, &[], b"")
    }

    /// Sends any request without a body to the public listener.
    #[track_caller]
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        http::request(self.public, method, path, headers, b"")
    }

    /// The value of a metric, labels as Prometheus prints them: `name{a="b"}`; 0 when absent.
    #[track_caller]
    pub fn metric(&self, series: &str) -> f64 {
        let text = self.get_ops("/metrics").text();
        text.lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
            .unwrap_or_default()
    }

    /// The value of a counter, named like for [`Self::metric`].
    #[track_caller]
    pub fn count(&self, series: &str) -> usize {
        format!("{}", self.metric(series)).parse().unwrap()
    }

    /// Waits until the series has this value: a client may have its answer before the worker has counted it.
    #[track_caller]
    pub fn comes_to(&self, series: &str, value: usize) {
        let begin = Instant::now();
        loop {
            let found = self.count(series);
            if found == value {
                return;
            }
            assert!(begin.elapsed() < SOON, "{series} is {found}, not {value}");
            pause();
        }
    }

    pub fn stderr(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("stderr")).unwrap_or_default()
    }

    pub fn config_file(&self) -> PathBuf {
        self.directory.path().join("uecho.toml")
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    #[track_caller]
    pub fn wait_exit(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begin.elapsed() < SOON, "still running; stderr:\n{}", self.stderr());
            pause();
        }
    }
}

impl Drop for Uecho {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.signal(rustix::process::Signal::TERM);
            let begin = Instant::now();
            while self.child.try_wait().is_ok_and(|status| status.is_none()) {
                if begin.elapsed() > Duration::from_secs(5) {
                    let _ = self.child.kill();
                    let _ = self.child.wait();
                    return;
                }
                pause();
            }
        }
    }
}

/// A listener on a port that the kernel chooses.
pub fn listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // the length of the queue that a service manager would ask for
    socket2::SockRef::from(&listener).listen(4096).unwrap();
    listener
}

/// Waits until a condition holds.
#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < SOON, "never: {what}");
        pause();
    }
}

/// Waits until the log contains this text, since another thread writes it; gives the whole log.
#[track_caller]
pub fn logged(uecho: &Uecho, text: &str) -> String {
    eventually(&format!("{text:?} in the log"), || uecho.stderr().contains(text));
    uecho.stderr()
}

#[expect(clippy::disallowed_methods, reason = "test code has no runtime to yield to")]
pub fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}
