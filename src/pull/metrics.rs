//! The metrics, as a file in the text format of Prometheus.

use std::{fmt::Write as _, fs, io, io::Write as _, path::Path};

use tempfile::NamedTempFile;
use uecho_probe::look;

use crate::{memory::Memory, outcome::Outcome};

/// The metrics after one look at the release.
#[must_use]
pub(crate) fn render(memory: &Memory, outcome: Outcome) -> String {
    let mut text = String::new();
    let mut gauge = |(name, help): (&str, &str), rows: &[(String, u64)]| {
        let mut line = |line: std::fmt::Arguments<'_>| {
            // a String takes everything
            let _ = text.write_fmt(line);
        };
        line(format_args!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
        for (labels, value) in rows {
            line(format_args!("{name}{labels} {value}\n"));
        }
    };
    let one = |value: u64| [(String::new(), value)];
    gauge(("uecho_pull_sequence", "Sequence of the newest release that was accepted"), &one(memory.sequence));
    let states =
        Outcome::ALL.map(|state| (format!("{{state=\"{}\"}}", state.as_str()), u64::from(state == outcome)));
    gauge(look::STATE, &states);
    // also before the first one: an alert on its age needs a value
    gauge(look::LAST_SUCCESS, &one(memory.last_success.unwrap_or_default().0));
    text
}

/// Replaces the file; readers see the old one or the new one.
///
/// # Errors
/// As open(2), write(2), rename(2).
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .map(|mut file: NamedTempFile| file.write_all(text.as_bytes()).map(|()| file))??;
    file.flush()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use uecho_probe::timestamp::Timestamp;

    use super::*;

    #[test]
    fn one_state_is_one() {
        let memory = Memory { sequence: 7, last_success: Some(Timestamp(9)), ..Memory::default() };
        let text = render(&memory, Outcome::Quarantined);
        let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(samples.len(), 2 + Outcome::ALL.len());
        assert!(samples.contains(&"uecho_pull_sequence 7"));
        assert!(samples.contains(&"uecho_pull_last_success_seconds 9"));
        let ones: Vec<_> = samples.iter().filter(|line| line.ends_with("} 1")).collect();
        assert_eq!(ones, [&"uecho_pull_state{state=\"quarantined\"} 1"]);
    }

    #[test]
    fn before_the_first_success_its_time_is_zero() {
        let text = render(&Memory::default(), Outcome::Refused);
        assert!(text.ends_with("\nuecho_pull_last_success_seconds 0\n"), "{text}");
    }

    #[test]
    fn the_file_is_replaced_and_readable() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/metrics.prom");
        write(&path, "a").unwrap();
        write(&path, "b").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "b");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
