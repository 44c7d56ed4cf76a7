//! `uecho probe --textfile`: the last verdict as Prometheus text, for the textfile collector of the node
//! exporter.

use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use prometheus::{GaugeVec, Opts, Registry, TextEncoder};

/// The result of one check.
pub(crate) struct Verdict {
    /// The service that was asked.
    pub target: String,
    /// Whether it is healthy.
    pub healthy: bool,
    /// How long the check took.
    pub took: Duration,
    /// When it ended.
    pub at: SystemTime,
}

impl Verdict {
    /// Replaces the file: who reads it finds the old verdict or this one, never a part of it.
    ///
    /// # Errors
    /// As open(2), write(2), rename(2).
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        // the collector reads files that end with .prom
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        fs::write(&new, self.render().map_err(io::Error::other)?)?;
        fs::rename(&new, path)
    }

    fn render(&self) -> Result<String, prometheus::Error> {
        let registry = Registry::new();
        let gauge = |name: &str, help: &str, value: f64| {
            let family = GaugeVec::new(Opts::new(name, help), &["target"])?;
            family.with_label_values(&[&self.target]).set(value);
            registry.register(Box::new(family))
        };
        let success = f64::from(u8::from(self.healthy));
        gauge("uecho_probe_success", "1 if the last check found a healthy service", success)?;
        gauge("uecho_probe_duration_seconds", "How long the last check took", self.took.as_secs_f64())?;
        let at = self.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        gauge("uecho_probe_timestamp_seconds", "When the last check ended", at.as_secs_f64())?;
        TextEncoder::new().encode_to_string(&registry.gather())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(healthy: bool) -> Verdict {
        let at = UNIX_EPOCH + Duration::from_millis(1_700_000_000_500);
        Verdict { target: "http://lb".into(), healthy, took: Duration::from_millis(250), at }
    }

    #[test]
    fn each_verdict_replaces_the_one_before() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("probe.prom");
        verdict(true).write(&path).unwrap();
        verdict(false).write(&path).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "# HELP uecho_probe_duration_seconds How long the last check took\n\
             # TYPE uecho_probe_duration_seconds gauge\n\
             uecho_probe_duration_seconds{target=\"http://lb\"} 0.25\n\
             # HELP uecho_probe_success 1 if the last check found a healthy service\n\
             # TYPE uecho_probe_success gauge\n\
             uecho_probe_success{target=\"http://lb\"} 0\n\
             # HELP uecho_probe_timestamp_seconds When the last check ended\n\
             # TYPE uecho_probe_timestamp_seconds gauge\n\
             uecho_probe_timestamp_seconds{target=\"http://lb\"} 1700000000.5\n"
        );
        let files = fs::read_dir(directory.path()).unwrap();
        let names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
        assert_eq!(names, ["probe.prom"], "nothing else is left");
    }

    #[test]
    fn a_verdict_that_cannot_be_written_leaves_the_old_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("probe.prom");
        verdict(true).write(&path).unwrap();
        let old = fs::read_to_string(&path).unwrap();
        fs::create_dir(directory.path().join("probe.prom.new")).unwrap();
        assert!(verdict(false).write(&path).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), old);
    }
}
