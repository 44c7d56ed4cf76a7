//! Whether the fleet has been well over a span of time: the share of wrong answers as the balancer counts
//! them, and how long clients waited.

use std::time::Duration;

use super::exporter::Reading;

/// What is still good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    /// The largest share of answers with a status of 500 or more, from 0 to 1.
    pub errors: f64,
    /// The longest time for 99 of 100 answers.
    pub p99: Duration,
}

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seen {
    /// The share of answers with a status of 500 or more.
    pub errors: f64,
    /// How many answers there were.
    pub answers: f64,
    /// The time within which 99 of 100 answers came.
    pub p99: Duration,
}

/// Compares two readings of the balancer, and the times of our own requests between them.
///
/// # Errors
/// It cannot be told: `HAProxy` was restarted in between, another one has taken its address, or there was no
/// answer.
pub(crate) fn compare(before: &Reading, after: &Reading, times: &mut [Duration]) -> Result<Seen, String> {
    let mut answers = 0.0;
    let mut errors = 0.0;
    for (code, count) in &after.answers {
        let more = count - before.answers.get(code).unwrap_or(&0.0);
        if more < 0.0 {
            return Err(
                "the balancer has begun to count anew: it was restarted, or another one is asked".into()
            );
        }
        answers += more;
        if code == "5xx" {
            errors += more;
        }
    }
    match p99(times) {
        Some(p99) if answers > 0.0 => Ok(Seen { errors: errors / answers, answers, p99 }),
        _ => Err("the balancer has counted no answer".into()),
    }
}

/// The nearest rank: the smallest time that is not exceeded by 99 of 100.
fn p99(times: &mut [Duration]) -> Option<Duration> {
    times.sort_unstable();
    let rank = (times.len() * 99).div_ceil(100);
    times.get(rank.checked_sub(1)?).copied()
}

impl Limits {
    /// What is wrong with it, if something is.
    #[must_use]
    pub(crate) fn exceeded(&self, seen: &Seen) -> Option<String> {
        let percent = |share: f64| share * 100.0;
        if seen.errors > self.errors {
            return Some(format!(
                "{:.3} % of {} answers were errors, {} % at most",
                percent(seen.errors),
                seen.answers,
                percent(self.errors)
            ));
        }
        (seen.p99 > self.p99)
            .then(|| format!("99 of 100 answers took up to {} ms, {} ms at most", ms(seen.p99), ms(self.p99)))
    }
}

/// Whole milliseconds.
#[must_use]
pub(crate) fn ms(time: Duration) -> u128 {
    time.as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { errors: 0.01, p99: Duration::from_millis(100) };

    fn reading(good: f64, bad: f64) -> Reading {
        let answers = [("2xx", good), ("5xx", bad)].map(|(code, count)| (code.into(), count));
        Reading { answers: answers.into(), ..Reading::default() }
    }

    fn times(count: u64) -> Vec<Duration> {
        (1..=count).rev().map(Duration::from_millis).collect()
    }

    #[test]
    fn only_what_came_between_counts() {
        let seen = compare(&reading(1000.0, 500.0), &reading(1099.0, 501.0), &mut times(100)).unwrap();
        assert_eq!(seen, Seen { errors: 0.01, answers: 100.0, p99: Duration::from_millis(99) });
        assert_eq!(LIMITS.exceeded(&seen), None);
    }

    #[test]
    fn a_code_that_was_not_there_before_counts_from_zero() {
        let seen = compare(&Reading::default(), &reading(0.0, 2.0), &mut times(1)).unwrap();
        assert_eq!((seen.errors, seen.p99), (1.0, Duration::from_millis(1)));
    }

    #[test]
    fn what_cannot_be_told_is_no_success() {
        let restarted = compare(&reading(10.0, 0.0), &reading(1.0, 0.0), &mut times(5)).unwrap_err();
        assert!(restarted.contains("restarted"), "{restarted}");
        assert!(compare(&reading(1.0, 0.0), &reading(1.0, 0.0), &mut times(5)).is_err());
        assert!(compare(&reading(1.0, 0.0), &reading(2.0, 0.0), &mut []).is_err());
    }

    #[test]
    fn a_limit_that_is_exceeded_is_named() {
        let seen = |errors, p99| Seen { errors, answers: 1000.0, p99: Duration::from_millis(p99) };
        assert_eq!(LIMITS.exceeded(&seen(0.01, 100)), None);
        let errors = LIMITS.exceeded(&seen(0.02, 1)).unwrap();
        assert_eq!(errors, "2.000 % of 1000 answers were errors, 1 % at most");
        let slow = LIMITS.exceeded(&seen(0.0, 101)).unwrap();
        assert_eq!(slow, "99 of 100 answers took up to 101 ms, 100 ms at most");
    }

    #[test]
    fn p99_is_the_nearest_rank() {
        for (count, rank) in [(1, 1), (99, 99), (100, 99), (101, 100), (1000, 990)] {
            assert_eq!(p99(&mut times(count)), Some(Duration::from_millis(rank)), "{count}");
        }
    }
}
