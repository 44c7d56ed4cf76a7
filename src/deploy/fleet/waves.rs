//! How many nodes a rollout updates before it pauses and looks: pure arithmetic.

use std::{fmt, ops::Range, str::FromStr};

/// A wave, by how many nodes are updated at its end, those of the waves before it included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wave {
    /// This many: `canary:1`.
    Nodes(usize),
    /// This share of all, rounded up: `50%`.
    Percent(usize),
    /// All that are left: `all`.
    All,
}

impl Wave {
    /// How many of `total` nodes are updated at its end.
    fn end(self, total: usize) -> usize {
        match self {
            Self::Nodes(nodes) => nodes,
            Self::Percent(percent) => (total * percent).div_ceil(100),
            Self::All => total,
        }
        .min(total)
    }
}

/// The nodes of each wave, as positions in the order of the fleet. A wave that adds none is left out: the
/// canary of a fleet of two is half of it.
#[must_use]
pub(crate) fn plan(waves: &[Wave], total: usize) -> Vec<Range<usize>> {
    let mut done = 0;
    let mut plan = Vec::new();
    for wave in waves {
        let end = wave.end(total);
        if end > done {
            plan.push(done..end);
            done = end;
        }
    }
    plan
}

impl FromStr for Wave {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &str| digits.parse().ok().filter(|number| *number > 0);
        let wave = if text == "all" {
            Some(Self::All)
        } else if let Some(digits) = text.strip_prefix("canary:") {
            number(digits).map(Self::Nodes)
        } else {
            let percent = text.strip_suffix('%').and_then(number);
            percent.filter(|percent| *percent <= 100).map(Self::Percent)
        };
        wave.ok_or_else(|| format!("`{text}` is not a wave; write it like \"canary:1\", \"50%\" or \"all\""))
    }
}

impl fmt::Display for Wave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nodes(nodes) => write!(f, "canary:{nodes}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::All => f.write_str("all"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn planned(waves: &[&str], total: usize) -> Vec<Range<usize>> {
        let waves: Vec<Wave> = waves.iter().map(|wave| wave.parse().unwrap()).collect();
        plan(&waves, total)
    }

    #[test]
    fn a_wave_counts_the_nodes_before_it() {
        let usual = ["canary:1", "50%", "all"];
        assert_eq!(planned(&usual, 10), [0..1, 1..5, 5..10]);
        assert_eq!(planned(&usual, 3), [0..1, 1..2, 2..3]);
        assert_eq!(planned(&usual, 2), [0..1, 1..2]);
        assert_eq!(planned(&usual, 1), [const { 0..1 }]);
        assert_eq!(planned(&["canary:9", "10%"], 3), [const { 0..3 }]);
        assert_eq!(planned(&["34%"], 3), [const { 0..2 }]);
        assert!(planned(&usual, 0).is_empty());
    }

    #[test]
    fn what_is_no_wave_is_refused() {
        for wrong in ["", "canary", "canary:0", "canary:-1", "0%", "101%", "%", "5", "half", "ALL"] {
            assert!(wrong.parse::<Wave>().unwrap_err().contains("\"canary:1\""), "{wrong}");
        }
    }

    fn wave() -> impl Strategy<Value = Wave> {
        prop_oneof![
            (1..20_usize).prop_map(Wave::Nodes),
            (1..=100_usize).prop_map(Wave::Percent),
            Just(Wave::All),
        ]
    }

    proptest! {
        #[test]
        fn each_node_is_in_at_most_one_wave_and_none_is_left_out_between(
            waves in prop::collection::vec(wave(), 0..6),
            total in 0..40_usize,
        ) {
            let plan = plan(&waves, total);
            let nodes: Vec<usize> = plan.iter().cloned().flatten().collect();
            prop_assert_eq!(&nodes, &(0..nodes.len()).collect::<Vec<_>>());
            prop_assert!(plan.iter().all(|wave| !wave.is_empty()) && nodes.len() <= total);
            if waves.contains(&Wave::All) {
                prop_assert_eq!(nodes.len(), total);
            }
        }

        #[test]
        fn a_wave_can_be_read_back(wave in wave()) {
            prop_assert_eq!(wave.to_string().parse::<Wave>().unwrap(), wave);
        }
    }
}
