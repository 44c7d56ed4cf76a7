//! Whether a release may go to the next wave: only when the guards of the machines of the first one have
//! blessed it, and it has been well for long enough.

use std::time::Duration;

use uecho_probe::timestamp::Timestamp;

use crate::outcome::{Ended, Outcome};

/// What the guard of one machine says of a system in its metrics.
///
/// # Errors
/// It is not time yet ([`Outcome::Busy`]), or it never will be ([`Outcome::Quarantined`]).
pub(crate) fn judge(metrics: &str, system: &str, bake: Duration, now: Timestamp) -> Result<(), Ended> {
    let value = |name: &str, labels: &[(&str, &str)]| {
        metrics.lines().find_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (found, rest) = series.split_once('{')?;
            let has = |(key, value): &(&str, &str)| rest.contains(&format!("{key}=\"{value}\""));
            (found == name && labels.iter().all(has)).then(|| value.parse::<f64>().ok())?
        })
    };
    let of_it = ("version", system);
    if value("uecho_guard_quarantined_timestamp_seconds", &[of_it]).is_some() {
        return Err(Ended::new(Outcome::Quarantined, format!("{system} is quarantined")));
    }
    let not_yet = |text: String| Err(Ended::new(Outcome::Busy, text));
    if value("uecho_guard_running_info", &[of_it, ("state", "blessed")]) != Some(1.0) {
        return not_yet(format!("{system} does not run, or is not blessed yet"));
    }
    let Some(blessed) = value("uecho_guard_last_verdict_timestamp_seconds", &[of_it]) else {
        return not_yet(format!("the guard has not judged {system} yet"));
    };
    #[expect(clippy::cast_precision_loss, reason = "times stay far below 2^52 s")]
    let age = now.0 as f64 - blessed;
    if age < bake.as_secs_f64() {
        return not_yet(format!("{system} was blessed {age:.0} s ago, {} s are needed", bake.as_secs()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAKE: Duration = Duration::from_mins(1);

    fn metrics(state: &str, at: u64) -> String {
        format!(
            "# TYPE uecho_guard_running_info gauge\n\
             uecho_guard_running_info{{state=\"{state}\",version=\"/nix/store/a-b\"}} 1\n\
             uecho_guard_last_verdict_timestamp_seconds{{version=\"/nix/store/a-b\"}} {at}\n\
             uecho_guard_last_verdict_timestamp_seconds{{version=\"/nix/store/a-bc\"}} 1\n"
        )
    }

    fn judged(metrics: &str, system: &str, now: u64) -> Result<(), Outcome> {
        judge(metrics, system, BAKE, Timestamp(now)).map_err(|ended| ended.outcome)
    }

    #[test]
    fn only_what_is_blessed_for_long_enough_goes_on() {
        let blessed = metrics("blessed", 100);
        assert_eq!(judged(&blessed, "/nix/store/a-b", 160), Ok(()));
        assert_eq!(judged(&blessed, "/nix/store/a-b", 159), Err(Outcome::Busy));
        assert_eq!(judged(&blessed, "/nix/store/a-bc", 160), Err(Outcome::Busy), "does not run");
        assert_eq!(judged(&metrics("trial", 1), "/nix/store/a-b", 160), Err(Outcome::Busy));
        assert_eq!(judged("", "/nix/store/a-b", 160), Err(Outcome::Busy));
        let no_verdict = blessed.lines().take(2).collect::<Vec<_>>().join("\n");
        assert_eq!(judged(&no_verdict, "/nix/store/a-b", 160), Err(Outcome::Busy));
    }

    #[test]
    fn what_is_quarantined_never_does() {
        let text = format!(
            "{}uecho_guard_quarantined_timestamp_seconds{{version=\"/nix/store/a-b\"}} 100\n",
            metrics("blessed", 100)
        );
        assert_eq!(judged(&text, "/nix/store/a-b", 1000), Err(Outcome::Quarantined));
    }
}
