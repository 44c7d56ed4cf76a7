use super::*;
use crate::guard::Verdict;

const SYSTEM: &str = "/nix/store/new-nixos";

fn verdict(code: u8, version: &str) -> Judged {
    Judged::Verdict(Verdict::told(code, version, "because"))
}

fn after(switched: i32, judged: &Judged, had_guard: bool) -> (Step, String) {
    let facts = Facts { host: "root@m", switched, judged, patience: 900, system: SYSTEM, had_guard };
    let (step, said) = next(facts);
    (step, said.join("\n"))
}

#[test]
fn a_verdict_is_awaited_when_something_may_have_been_activated() {
    for (switched, activated, awaited) in [
        (0, false, true),
        (0, true, true),
        (255, false, true),
        (255, true, true),
        (1, false, false),
        (1, true, true),
        (127, false, false),
    ] {
        assert_eq!(awaits_verdict(switched, activated), awaited, "{switched} {activated}");
    }
}

#[test]
fn without_a_guard_the_switch_and_the_proof_decide() {
    assert_eq!(after(0, &Judged::NoGuard, false), (Step::Prove, String::new()));
    for switched in [1, 4, 255] {
        assert_eq!(after(switched, &Judged::NoGuard, true), (Step::GoBack(Some(switched)), String::new()));
    }
}

#[test]
fn what_the_guard_says_decides_whatever_the_switch_says() {
    for switched in [0, 4, 255] {
        for had_guard in [false, true] {
            let step = |code| after(switched, &verdict(code, SYSTEM), had_guard).0;
            assert_eq!(step(0), Step::Prove);
            assert_eq!(step(1), Step::End(Outcome::Unhealthy));
            assert_eq!(step(3), Step::ProveBack(SYSTEM.into()));
            let nowhere = if had_guard { Step::End(Outcome::NowhereToGo) } else { Step::GoBack(None) };
            assert_eq!(step(5), nowhere);
            for other in [2, 4, 6, 70, 75, 255] {
                assert_eq!(step(other), Step::End(Outcome::Unproven), "{other}");
            }
            let late = after(switched, &Judged::TooLate(None), had_guard).0;
            assert_eq!(late, Step::End(Outcome::NoVerdict));
        }
    }
}

#[test]
fn the_blessing_of_another_version_proves_nothing() {
    let (step, said) = after(0, &verdict(0, "/nix/store/other-nixos"), true);
    assert_eq!(step, Step::End(Outcome::Unproven));
    assert_eq!(said, "root@m has been switched to /nix/store/other-nixos meanwhile");
}

#[test]
fn the_human_is_told_why() {
    for (switched, judged, words) in [
        (0, verdict(0, SYSTEM), ""),
        (4, verdict(0, SYSTEM), "the switch ended with status 4, see the journal of uecho-deploy.service"),
        (0, verdict(1, SYSTEM), "the guard of root@m: because"),
        (0, verdict(3, "/nix/store/old-nixos"), "the guard has gone back: because"),
        (0, verdict(4, SYSTEM), "the guard of root@m: because"),
        (0, verdict(5, SYSTEM), "the guard of root@m: because"),
        (0, Judged::TooLate(None), "the guard of root@m has given no verdict within 900 seconds"),
        (
            0,
            Judged::TooLate(Some("no JSON".into())),
            "no JSON\nthe guard of root@m has given no verdict within 900 seconds",
        ),
    ] {
        assert_eq!(after(switched, &judged, true).1, words);
    }
}

#[test]
fn only_a_switch_that_worked_and_an_old_version_that_serves_are_a_way_back() {
    assert_eq!(way_back(0, true), Outcome::TakenBack);
    for (status, serves) in [(0, false), (4, true), (4, false), (255, true)] {
        assert_eq!(way_back(status, serves), Outcome::Unproven, "{status} {serves}");
    }
}
