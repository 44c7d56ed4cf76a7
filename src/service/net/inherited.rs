//! Sockets that systemd passes to the service, by name: `sd_listen_fds_with_names(3)`.

use std::{env, io};

use listenfd::ListenFd;
use socket2::SockRef;

use crate::net::listener::{BindError, Listener};

/// More sockets than any unit passes; a larger number is a mistake.
const MOST: usize = 1024;

/// Inherited sockets that no side has taken yet.
pub(crate) struct Inherited {
    fds: ListenFd,
    names: Vec<String>,
}

impl Inherited {
    /// Reads `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`. It is no error if there are no inherited
    /// sockets. If only one socket has no name and none is named `public`, it is the public one.
    ///
    /// # Errors
    /// The variables contradict each other, or do not say which side a socket belongs to.
    pub(crate) fn from_env() -> Result<Self, BindError> {
        check_variables().map_err(|text| refusal("the inherited sockets", text))?;
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let fds = ListenFd::from_env();
        let names = purposes(&names, fds.len()).map_err(|text| refusal("the inherited sockets", text))?;
        Ok(Self { fds, names })
    }

    /// Takes every inherited listener of this name.
    ///
    /// # Errors
    /// The file descriptor is not a listening TCP or Unix stream socket.
    pub(crate) fn take(&mut self, name: &str) -> Result<Vec<Listener>, BindError> {
        let mine = (0..self.names.len()).filter(|index| self.names[*index] == name).collect::<Vec<_>>();
        mine.into_iter()
            .map(|index| {
                let address = format!("inherited socket {index} (`{name}`)");
                self.listener(index).map_err(|source| BindError { address, source })
            })
            .collect()
    }

    fn listener(&mut self, index: usize) -> io::Result<Listener> {
        let wrong = "not a TCP or Unix stream socket that listens; with systemd, ListenStream= and Accept=no \
            make one";
        let wrong = || io::Error::new(io::ErrorKind::InvalidInput, wrong);
        if let Ok(Some(tcp)) = self.fds.take_tcp_listener(index) {
            return if SockRef::from(&tcp).is_listener()? { Listener::tcp(tcp, true) } else { Err(wrong()) };
        }
        match self.fds.take_unix_listener(index) {
            Ok(Some(unix)) if SockRef::from(&unix).is_listener()? => Listener::unix(unix, None),
            _ => Err(wrong()),
        }
    }

    /// Warns of each socket that no side took: the service does not serve it, and without the warning nobody
    /// would know that its name is the reason.
    pub(crate) fn warn_of_rest(&mut self) {
        for (index, name) in self.names.iter().enumerate() {
            if matches!(self.fds.take_raw_fd(index), Ok(Some(_))) {
                tracing::warn!(
                    "the inherited socket {index} is named `{name}` and is not served; \
                     FileDescriptorName= must be `public` or `ops`"
                );
            }
        }
    }
}

fn refusal(address: &str, text: String) -> BindError {
    BindError { address: address.into(), source: io::Error::new(io::ErrorKind::InvalidInput, text) }
}

/// Refuses variables that are not numbers, which `listenfd` would ignore without a word, and numbers that are
/// out of range, to which it would count for a very long time.
fn check_variables() -> Result<(), String> {
    let variable = |name| env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let Some(count) = variable("LISTEN_FDS") else { return Ok(()) };
    if let Some(pid) = variable("LISTEN_PID").filter(|pid| !pid.is_empty()) {
        match pid.parse::<u32>() {
            Ok(pid) if pid == std::process::id() => {}
            // the sockets are meant for another process
            Ok(_) => return Ok(()),
            Err(_) => return Err(format!("LISTEN_PID is `{pid}`, which is not a process id")),
        }
    }
    let first = variable("LISTEN_FDS_FIRST_FD").map(|first| ("LISTEN_FDS_FIRST_FD", first));
    for (name, value) in first.into_iter().chain([("LISTEN_FDS", count)]) {
        if value.parse::<usize>().map_or(true, |number| number > MOST) {
            return Err(format!("{name} is `{value}`, not a number from 0 to {MOST}"));
        }
    }
    Ok(())
}

/// The name of each of `count` sockets, from the value of `LISTEN_FDNAMES`.
fn purposes(names: &str, count: usize) -> Result<Vec<String>, String> {
    let mut purposes = match names {
        "" => vec![String::new(); count],
        _ => names.split(':').map(str::to_owned).collect(),
    };
    if count > 0 && purposes.len() != count {
        return Err(format!("LISTEN_FDNAMES has {} names for {count} sockets", purposes.len()));
    }
    purposes.truncate(count);
    let unnamed = (0..count).filter(|index| is_unnamed(&purposes[*index])).collect::<Vec<_>>();
    match unnamed[..] {
        [] => {}
        [index] if purposes.iter().all(|name| name != "public") => purposes[index] = "public".into(),
        _ => {
            return Err(format!(
                "which are public and which are ops? {} of {count} have no name; FileDescriptorName= must be \
                    `public` or `ops`",
                unnamed.len()
            ));
        }
    }
    Ok(purposes)
}

/// Whether the socket unit sets no `FileDescriptorName=`: the name is then empty, `unknown`
/// (`sd_listen_fds_with_names(3)`), or the name of the socket unit (systemd.socket(5)).
fn is_unnamed(name: &str) -> bool {
    name.is_empty() || name == "unknown" || name.ends_with(".socket")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_socket_without_a_name_is_public_and_more_are_refused() {
        let told = |names: &str, count| purposes(names, count).map(|names| names.join(" "));
        for (names, count, right) in [
            ("", 0, ""),
            ("left:over", 0, ""),
            ("", 1, "public"),
            ("unknown", 1, "public"),
            ("uecho.socket", 1, "public"),
            ("ops:uecho.socket", 2, "ops public"),
            ("public:ops:other:public", 4, "public ops other public"),
        ] {
            assert_eq!(told(names, count).as_deref(), Ok(right), "{names}");
        }
        for (names, count, wrong) in [
            ("", 2, "2 of 2 have no name"),
            ("unknown:ops:b.socket", 3, "2 of 3 have no name"),
            ("public:unknown", 2, "1 of 2 have no name"),
            ("public", 2, "1 names for 2 sockets"),
            ("public:ops", 1, "2 names for 1 sockets"),
        ] {
            assert!(told(names, count).unwrap_err().contains(wrong), "{names}");
        }
    }
}
