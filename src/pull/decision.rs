//! What follows from a release whose signature is right. It is pure, so that tests can try everything.

use std::time::Duration;

use uecho_probe::timestamp::Timestamp;

use crate::{
    manifest::{Manifest, StorePath},
    memory::Memory,
    settings::Place,
};

/// Why a release is not followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It is for other machines.
    #[error("it is for `{theirs}`, and this machine follows `{ours}`")]
    Elsewhere {
        /// Environment and wave that it names.
        theirs: String,
        /// Those of this machine.
        ours: String,
    },
    /// It does not say what this machine shall run.
    #[error("it has no system for `{machine}`, only for {others}")]
    Nothing {
        /// The name of this machine.
        machine: String,
        /// Those that it names.
        others: String,
    },
    /// It holds no longer.
    #[error("it has expired at {0}: nobody has released since")]
    Expired(Timestamp),
    /// A newer one was seen.
    #[error("its sequence is {offered}, and this machine has seen {seen}: it is an old one")]
    Older {
        /// The sequence of the release.
        offered: u64,
        /// The highest one that was seen.
        seen: u64,
    },
    /// Another one has the same sequence.
    #[error("sequence {sequence} was {before} when this machine first saw it")]
    Altered {
        /// The sequence of both.
        sequence: u64,
        /// The system of the one before.
        before: String,
    },
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It runs.
    UpToDate,
    /// It is not this machine's turn yet; it will be in this time.
    Wait(Duration),
    /// Switch to it.
    Switch,
}

/// Whether a release may be followed at `now`, and to which system.
///
/// # Errors
/// See [`Refusal`].
pub(crate) fn judge<'a>(
    memory: &Memory,
    manifest: &'a Manifest,
    place: &Place,
    now: Timestamp,
) -> Result<&'a StorePath, Refusal> {
    if (&manifest.environment, &manifest.wave) != (&place.environment, &place.wave) {
        let theirs = format!("{}/{}", manifest.environment, manifest.wave);
        return Err(Refusal::Elsewhere { theirs, ours: place.to_string() });
    }
    let Some(system) = manifest.systems.get(&place.machine) else {
        let others = manifest.systems.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        return Err(Refusal::Nothing { machine: place.machine.clone(), others });
    };
    // a clock that was set back does not make an old release new again
    if memory.clock.max(now) > manifest.not_after {
        return Err(Refusal::Expired(manifest.not_after));
    }
    let (offered, seen) = (manifest.sequence, memory.sequence);
    match &memory.system {
        Some(_) if offered < seen => Err(Refusal::Older { offered, seen }),
        Some(before) if offered == seen && before != system => {
            Err(Refusal::Altered { sequence: seen, before: before.to_string() })
        }
        _ => Ok(system),
    }
}

/// What to do about a release that was accepted (and is in the memory), on a machine that runs `running`, and
/// whose turn comes `turn` after it has seen the release.
#[must_use]
pub(crate) fn decide(memory: &Memory, running: &str, turn: Duration, now: Timestamp) -> Decision {
    if memory.system.as_ref().is_some_and(|system| system.as_str() == running) {
        return Decision::UpToDate;
    }
    let waited = Duration::from_secs(now.0.saturating_sub(memory.since.0));
    match turn.checked_sub(waited) {
        Some(left) if !left.is_zero() => Decision::Wait(left),
        _ => Decision::Switch,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place() -> Place {
        Place { environment: "prod".into(), wave: "canary".into(), machine: "n1".into() }
    }

    fn follow(memory: &mut Memory, manifest: &Manifest, now: u64) -> Result<(), Refusal> {
        let system = judge(memory, manifest, &place(), Timestamp(now))?;
        memory.accept(manifest.sequence, system, Timestamp(now));
        Ok(())
    }

    #[test]
    fn a_newer_one_is_followed_and_an_older_one_is_not() {
        let mut memory = Memory::default();
        assert_eq!(follow(&mut memory, &Manifest::release(5, 100, "a"), 1), Ok(()));
        assert_eq!(follow(&mut memory, &Manifest::release(5, 100, "a"), 2), Ok(()));
        assert_eq!(follow(&mut memory, &Manifest::release(9, 100, "b"), 3), Ok(()));
        assert_eq!(
            follow(&mut memory, &Manifest::release(8, 100, "c"), 4),
            Err(Refusal::Older { offered: 8, seen: 9 })
        );
        let before = StorePath::system("b").to_string();
        assert_eq!(
            follow(&mut memory, &Manifest::release(9, 100, "c"), 5),
            Err(Refusal::Altered { sequence: 9, before })
        );
    }

    #[test]
    fn sequence_zero_is_one_like_any_other() {
        let mut memory = Memory::default();
        assert_eq!(follow(&mut memory, &Manifest::release(0, 100, "a"), 1), Ok(()));
        assert!(matches!(
            follow(&mut memory, &Manifest::release(0, 100, "b"), 1),
            Err(Refusal::Altered { .. })
        ));
    }

    #[test]
    fn it_holds_until_its_last_second_even_if_the_clock_is_set_back() {
        let mut memory = Memory::default();
        assert_eq!(follow(&mut memory, &Manifest::release(1, 50, "a"), 50), Ok(()));
        let expired = Err(Refusal::Expired(Timestamp(50)));
        assert_eq!(follow(&mut memory, &Manifest::release(1, 50, "a"), 51), expired);
        assert_eq!(follow(&mut memory, &Manifest::release(2, 200, "b"), 100), Ok(()));
        assert_eq!(
            follow(&mut memory, &Manifest::release(3, 99, "c"), 10),
            Err(Refusal::Expired(Timestamp(99)))
        );
    }

    #[test]
    fn another_wave_or_environment_is_refused() {
        let memory = Memory::default();
        let all = Manifest { wave: "all".into(), ..Manifest::release(1, 9, "a") };
        let qa = Manifest { environment: "qa".into(), ..Manifest::release(1, 9, "a") };
        for (manifest, theirs) in [(all, "prod/all"), (qa, "qa/canary")] {
            let refusal = judge(&memory, &manifest, &place(), Timestamp(1)).unwrap_err();
            let text = refusal.to_string();
            assert!(text.contains(theirs) && text.contains("prod/canary"), "{text}");
        }
        let place = Place { environment: "eu/prod".into(), ..place() };
        let alike =
            Manifest { environment: "eu".into(), wave: "prod/canary".into(), ..Manifest::release(1, 9, "a") };
        assert!(judge(&memory, &alike, &place, Timestamp(1)).is_err());
    }

    #[test]
    fn a_release_without_this_machine_is_refused() {
        let mut without = Manifest::release(1, 9, "a");
        without.systems.remove("n1");
        let refusal = judge(&Memory::default(), &without, &place(), Timestamp(1)).unwrap_err();
        assert_eq!(refusal.to_string(), "it has no system for `n1`, only for `n2`");
    }

    #[test]
    fn a_machine_waits_for_its_turn_once() {
        let mut memory = Memory::default();
        let mut at = |now, running: &str| {
            memory.accept(1, &StorePath::system("a"), Timestamp(now));
            decide(&memory, running, Duration::from_secs(30), Timestamp(now))
        };
        assert_eq!(at(100, "x"), Decision::Wait(Duration::from_secs(30)));
        assert_eq!(at(129, "x"), Decision::Wait(Duration::from_secs(1)));
        assert_eq!(at(130, "x"), Decision::Switch);
        assert_eq!(at(100, "x"), Decision::Wait(Duration::from_secs(30)), "the clock was set back");
        assert_eq!(at(100, StorePath::system("a").as_str()), Decision::UpToDate);
    }

    proptest! {
        #[test]
        fn whatever_is_offered_the_sequence_never_falls_and_has_one_system(
            offers in prop::collection::vec((0u64..6, 0u64..60, 0u8..3, 0u64..60), 1..40),
        ) {
            let mut memory = Memory::default();
            let mut followed = std::collections::BTreeMap::new();
            let (mut highest, mut clock) = (0, 0);
            for (sequence, not_after, name, now) in offers {
                let manifest = Manifest::release(sequence, not_after, &name.to_string());
                // a restart in between reads what was written
                memory = serde_json::from_str(&serde_json::to_string(&memory).unwrap()).unwrap();
                let found = follow(&mut memory, &manifest, now);
                if found.is_ok() {
                    prop_assert!(sequence >= highest, "{sequence} after {highest}");
                    prop_assert!(not_after >= now.max(clock), "expired");
                    (highest, clock) = (sequence, clock.max(now));
                    let system = followed.entry(sequence).or_insert_with(|| manifest.systems["n1"].clone());
                    prop_assert_eq!(system, &manifest.systems["n1"]);
                } else {
                    let newer = followed.is_empty() || sequence > highest;
                    prop_assert!(!newer || not_after < now.max(clock), "refused for no reason");
                }
            }
        }
    }
}
