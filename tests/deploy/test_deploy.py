#!/usr/bin/env python3
"""What `uecho-deploy` does and reports, on a machine without a guard and on one with a guard.

See lab.py.
"""

import signal
import unittest
from pathlib import Path

from lab import Lab

SWITCH = "/bin/switch-to-configuration switch"


class Unguarded(Lab):
    def test_a_good_version_is_deployed(self) -> None:
        self.system("new")
        status, said = self.deploy()
        self.assertEqual(status, 0, said)
        self.assertIn(f"serves {self.identity('new')}", said)
        self.assertEqual(self.current(), "new")
        self.assertEqual(self.installed(), "new")
        # It changes nothing on the machine before the copy is complete.
        calls = self.calls()
        self.assertLess(calls.index("nix copy"), calls.index("switch switch: new"))
        self.assertIn("ssh root@machine", calls)
        # The build is not signed, and ssh-ng:// requires a signature even from root.
        self.assertIn(" --no-check-sigs ", self.nix("copy"))

    def test_another_user_is_kept(self) -> None:
        self.system("new")
        status, said = self.deploy("--url", f"http://127.0.0.1:{self.port}", "--wait", "4", "deploy@machine")
        self.assertEqual(status, 0, said)
        self.assertIn("ssh deploy@machine", self.calls())

    def test_a_system_that_shares_only_the_label_is_taken_back(self) -> None:
        for other in ["new", f"new+{self.hash('another')}", "new+unknown"]:
            with self.subTest(other):
                self.system("new", serves=other)
                status, said = self.deploy()
                self.assertEqual(status, 3, said)
                self.assertEqual(self.current(), "old")

    def test_a_version_that_serves_another_label_is_taken_back(self) -> None:
        self.system("new", serves="something-else")
        status, said = self.deploy()
        self.assertEqual(status, 3, said)
        self.assertIn(f"serves {self.identity('old')} again", said)
        self.assertEqual(self.current(), "old")
        self.assertEqual(self.installed(), "old")

    def test_another_revision_is_taken_back(self) -> None:
        self.system("new")
        (self.lab / "revision").write_text("0123456")
        status, said = self.deploy()
        self.assertEqual(status, 3, said)
        self.assertEqual(self.current(), "old")

    def test_a_version_that_does_not_start_is_taken_back(self) -> None:
        self.system("new", serves="new UECHO_LIMITS__BODY=plenty")
        status, said = self.deploy()
        self.assertEqual(status, 3, said)
        self.assertEqual(self.current(), "old")

    def test_a_switch_that_fails_is_taken_back_although_the_new_version_serves(self) -> None:
        self.system("new", status=4)
        status, said = self.deploy()
        self.assertEqual(status, 3, said)
        self.assertIn("switching failed (status 4)", said)
        self.assertEqual(self.current(), "old")

    def test_an_old_version_that_does_not_serve_again_is_reported(self) -> None:
        self.system("new", serves="something-else")
        self.system("old", serves="also-broken")
        status, said = self.deploy()
        self.assertEqual(status, 4, said)
        self.assertIn(f"does not serve {self.identity('old')} either", said)

    def test_a_failed_switch_back_is_not_a_success(self) -> None:
        self.system("new", serves="something-else")
        self.system("old", status=4)
        status, said = self.deploy()
        self.assertEqual(status, 4, said)
        self.assertIn("switching back failed", said)

    def test_nothing_changes_when_the_build_the_copy_or_ssh_fails(self) -> None:
        self.system("new")
        for obstacle in ["no-build", "no-copy", "no-ssh"]:
            with self.subTest(obstacle):
                (self.lab / obstacle).touch()
                status, said = self.deploy()
                (self.lab / obstacle).unlink()
                self.assertEqual(status, 69, said)
                self.assertIn("Nothing was changed", said)
                self.assertEqual(self.current(), "old")
                self.assertFalse((self.lab / "profile").exists())

    def test_an_ipv6_address_is_written_as_each_tool_expects_it(self) -> None:
        self.system("new")
        for host, ssh, store in [
            ("2001:db8::1", "root@2001:db8::1", "ssh-ng://root@[2001:db8::1]"),
            ("[2001:db8::1]", "root@2001:db8::1", "ssh-ng://root@[2001:db8::1]"),
            ("deploy@2001:db8::1", "deploy@2001:db8::1", "ssh-ng://deploy@[2001:db8::1]"),
            ("deploy@[2001:db8::1]", "deploy@2001:db8::1", "ssh-ng://deploy@[2001:db8::1]"),
            ("machine.example", "root@machine.example", "ssh-ng://root@machine.example"),
        ]:
            with self.subTest(host):
                status, said = self.deploy("--url", f"http://127.0.0.1:{self.port}", "--wait", "4", host)
                self.assertEqual(status, 0, said)
                self.assertEqual(
                    {call for call in self.calls() if "@" in call}, {f"ssh {ssh}", f"ssh -O exit {ssh}"}
                )
                self.assertIn(f" --to {store} ", self.nix("copy"))
                (self.lab / "calls").unlink()
                self.switch("old")

    def test_the_url_of_an_ipv6_machine_has_brackets(self) -> None:
        self.system("new")
        _, said = self.deploy("--wait", "1", "root@::1")
        self.assertIn("http://[::1]:8080", said)

    def test_options_of_ssh_are_split_as_nix_splits_them(self) -> None:
        self.system("new")
        self.environment["NIX_SSHOPTS"] = (
            r"""-i "/a b/key" -o 'ProxyCommand=ssh -W "%h:%p" $HOME *' -o "X=\"q\" \$1 \n" -p 2\ 2"""
        )
        status, said = self.deploy()
        self.assertEqual(status, 0, said)
        options = (self.lab / "options").read_text().splitlines()
        self.assertEqual(
            options[:4],
            ["-i /a b/key", '-o ProxyCommand=ssh -W "%h:%p" $HOME *', r'-o X="q" $1 \n', "-p 2 2"],
        )
        # Nix gets the same text, and no option of the program comes before it.
        self.assertTrue((self.lab / "copy-options").read_text().startswith(self.environment["NIX_SSHOPTS"]))

    def test_options_of_ssh_that_cannot_be_split_are_refused(self) -> None:
        for wrong in ["-i 'key", '-i "key', "-i key\\"]:
            with self.subTest(wrong):
                self.environment["NIX_SSHOPTS"] = wrong
                status, said = self.deploy()
                self.assertEqual(status, 2, said)
                self.assertIn("NIX_SSHOPTS", said)
                self.assertEqual(self.calls(), [])

    def test_ssh_asks_nobody_and_one_connection_serves_all_and_is_closed(self) -> None:
        self.system("new")
        status, said = self.deploy()
        self.assertEqual(status, 0, said)
        ours = (self.lab / "options").read_text().splitlines()
        self.assertIn("-o BatchMode=yes", ours)
        self.assertIn("-o ControlMaster=auto", ours)
        control = next(Path(option.partition("=")[2]) for option in ours if "ControlPath=" in option)
        self.assertIn(f"-o ControlPath={control}", (self.lab / "copy-options").read_text())
        self.assertEqual(control.name, "%C")
        self.assertEqual(self.calls()[-1], "ssh -O exit root@machine")
        self.assertFalse(control.parent.exists())

    def test_the_build_on_another_host_is_copied_from_there(self) -> None:
        self.system("new")
        builder = "ssh-ng://builder@[2001:db8::2]"
        url = f"http://127.0.0.1:{self.port}"
        status, said = self.deploy(
            "--url", url, "--wait", "4", "--build-host", "builder@2001:db8::2", "machine"
        )
        self.assertEqual(status, 0, said)
        self.assertIn(f" --eval-store auto --store {builder} ", self.nix("build"))
        self.assertIn(f" --from {builder} --to ssh-ng://root@machine ", self.nix("copy"))
        self.assertEqual(self.calls()[-2:], ["ssh -O exit root@machine", "ssh -O exit builder@2001:db8::2"])

    def test_settings_of_nix_are_kept(self) -> None:
        self.system("new")
        self.environment["NIX_CONFIG"] = "cores = 1"
        self.assertEqual(self.deploy()[0], 0)
        config = (self.lab / "nix-config").read_text().splitlines()
        self.assertEqual(config, ["extra-experimental-features = flakes nix-command", "cores = 1"])

    def test_a_machine_that_does_not_say_whether_it_has_a_guard_is_left_alone(self) -> None:
        self.system("new")
        (self.lab / "no-systemctl").touch()
        status, said = self.deploy()
        self.assertEqual(status, 69, said)
        self.assertIn("root@machine does not say whether it has a guard. Nothing was changed.", said)
        self.assertNotIn("nix copy", self.calls())

    def test_a_signal_ends_it_and_closes_the_connection(self) -> None:
        for number in [signal.SIGHUP, signal.SIGINT, signal.SIGTERM]:
            with self.subTest(number):
                self.system("new", before=f"touch {self.lab}/switching; sleep 2")
                running = self.start_deploy()
                self.wait_for(self.lab / "switching")
                running.send_signal(number)
                self.assertEqual(running.wait(timeout=10), 128 + number)
                running.communicate()
                self.assertEqual(self.calls()[-1], "ssh -O exit root@machine")
                options = (self.lab / "options").read_text().splitlines()
                control = next(Path(line.partition("=")[2]) for line in options if "ControlPath=" in line)
                self.assertFalse(control.parent.exists())
                (self.lab / "switching").unlink()

    def test_usage(self) -> None:
        for arguments in [
            ["--nope", "x"],
            ["--url"],
            ["a", "b"],
            ["--wait", "soon", "a"],
            ["--verdict", "0", "a"],
            ["--flake", "here", "a"],
            ["--build-host"],
            ["--url", "machine:8080", "a"],
            [""],
        ]:
            with self.subTest(arguments):
                self.assertEqual(self.deploy(*arguments)[0], 2)
        self.assertEqual(self.deploy("--help")[0], 0)
        self.assertEqual(self.calls(), [])


class Guarded(Lab):
    def setUp(self) -> None:
        super().setUp()
        self.guard_is(on=True)

    def test_a_blessed_version_is_deployed(self) -> None:
        self.system("new", after=self.verdict(0, "good", "blessed"))
        status, said = self.deploy()
        self.assertEqual(status, 0, said)
        self.assertIn("the guard has blessed it", said)
        self.assertEqual(self.current(), "new")

    def test_the_guard_goes_back_and_that_is_proven_from_here(self) -> None:
        self.system(
            "new",
            serves="wrong",
            after=self.verdict(3, "rolled_back", "never ready", deed=self.back_to("old")),
        )
        status, said = self.deploy()
        self.assertEqual(status, 3, said)
        self.assertIn("never ready", said)
        self.assertIn(f"serves {self.identity('old')} again", said)
        # Only the program and the guard have switched.
        self.assertEqual(
            [call for call in self.calls() if call.startswith("switch")],
            ["switch switch: new", "switch switch: old"],
        )

    def test_a_way_back_that_is_not_proven_from_here_is_not_a_success(self) -> None:
        self.system("old", serves="wrong")
        self.system("new", after=self.verdict(3, "rolled_back", deed=self.back_to("old")))
        self.assertEqual(self.deploy()[0], 4)

    def test_an_unhealthy_old_version_is_reported(self) -> None:
        self.system(
            "new", after=self.verdict(4, "still_unhealthy", "nobody answers", deed=self.back_to("old"))
        )
        status, said = self.deploy()
        self.assertEqual(status, 4, said)
        self.assertIn("nobody answers", said)

    def test_a_reboot_is_waited_for(self) -> None:
        later = f"sleep 2; touch {self.lab}/no-ssh; sleep 1; {self.back_to('old')}; rm {self.lab}/no-ssh"
        self.system("new", after=self.verdict(4, "rebooting") + self.verdict(3, "rolled_back", deed=later))
        status, said = self.deploy()
        self.assertEqual(status, 3, said)

    def test_a_switch_that_fails_may_still_be_blessed(self) -> None:
        # 255: the connection broke, and the switch went on
        for number in [4, 255]:
            with self.subTest(number):
                self.system("new", status=number, after=self.verdict(0, "good", "blessed"))
                status, said = self.deploy()
                self.assertEqual(status, 0, said)
                self.assertIn(f"the switch ended with status {number}", said)
                self.switch("old")

    def test_the_blessing_of_another_version_is_not_a_success(self) -> None:
        self.system("other", after=self.verdict(0, "good", "blessed"))
        self.system("new", after=self.verdict(4, "rebooting", deed=f"{self.path('other')}{SWITCH}"))
        status, said = self.deploy()
        self.assertEqual(status, 4, said)
        self.assertIn("has been switched to", said)
        self.assertEqual(self.current(), "other")

    def test_a_guard_that_cannot_be_understood_is_reported(self) -> None:
        self.system("new")
        (self.lab / "no-guard").write_text("segmentation fault\n")
        status, said = self.deploy()
        self.assertEqual(status, 69, said)
        self.assertIn("The guard of root@machine answers with something other than its status", said)
        (self.lab / "no-guard").unlink()
        self.system("new", before=f"echo oops >{self.lab}/no-guard")
        status, said = self.deploy()
        self.assertEqual(status, 75, said)
        self.assertIn("something other than its status", said)
        self.assertIn("has given no verdict within 8 seconds", said)

    def test_a_version_without_a_predecessor_keeps_running(self) -> None:
        self.system("new", serves="wrong", after=self.verdict(5, "nowhere_to_go", "never ready"))
        status, said = self.deploy()
        self.assertEqual(status, 5, said)
        self.assertEqual(self.current(), "new")

    def test_a_guard_that_came_with_the_version_does_not_know_that_the_old_one_was_good(self) -> None:
        self.guard_is(on=False)
        on = f"printf 'LoadState=loaded\\nActiveState=active\\n' >{self.lab}/guard-unit"
        self.system("new", serves="wrong", before=on, after=self.verdict(5, "nowhere_to_go"))
        status, said = self.deploy()
        self.assertEqual(status, 3, said)
        self.assertEqual(self.current(), "old")

    def test_a_guard_that_only_reports_is_obeyed(self) -> None:
        self.system("new", serves="wrong", after=self.verdict(1, "unhealthy", "never ready"))
        status, said = self.deploy()
        self.assertEqual(status, 1, said)
        self.assertIn("never ready", said)
        self.assertEqual(self.current(), "new")

    def test_a_quarantined_version_is_refused_before_anything_is_copied(self) -> None:
        self.system("new")
        self.quarantine("new", "it was never ready")
        status, said = self.deploy()
        self.assertEqual(status, 6, said)
        self.assertIn("it was never ready", said)
        self.assertNotIn("nix copy", self.calls())
        self.assertEqual(self.current(), "old")

    def test_a_human_overrides_and_that_is_recorded(self) -> None:
        self.system("new", after=self.verdict(0, "good", "blessed"))
        self.quarantine("new", "it was never ready")
        why = "it's the network's fault"
        status, said = self.deploy(
            "--url", f"http://127.0.0.1:{self.port}", "--verdict", "8", "--override", why, "machine"
        )
        self.assertEqual(status, 0, said)
        self.assertIn(why, (self.lab / "state/ledger.json").read_text())

    def test_earlier_verdicts_do_not_count(self) -> None:
        for earlier in ["of what ran before", "of what ran even earlier"]:
            with self.subTest(earlier):
                self.system("old", after=self.verdict(3, "rolled_back", earlier))
                done = self.switch("old")
                self.wait_for(self.lab / "guard/verdict.json")
                if earlier != "of what ran before":
                    self.system("old")
                    done = self.switch("old")
                self.assertEqual(done, 0)
                self.system("new")
                status, said = self.deploy()
                self.assertEqual(status, 75, said)
                self.assertNotIn(earlier, said)
                self.assertEqual(self.current(), "new")
                (self.lab / "guard/verdict.json").unlink()
                self.switch("old")

    def test_a_version_whose_guard_is_off_is_judged_from_here(self) -> None:
        gone = f"printf 'LoadState=masked\\nActiveState=active\\n' >{self.lab}/guard-unit"
        self.system("new", serves="wrong", before=gone)
        status, said = self.deploy()
        self.assertEqual(status, 3, said)
        self.assertEqual(self.current(), "old")

    def test_a_switch_that_activates_nothing_needs_no_verdict(self) -> None:
        self.system("new", before="exit 1")
        status, said = self.deploy()
        self.assertEqual(status, 3, said)
        self.assertIn("switching failed (status 1)", said)
        self.assertEqual(self.installed(), "old")

    def test_a_blessed_version_that_cannot_be_reached_is_taken_back_from_here(self) -> None:
        self.system("new", serves="wrong", after=self.verdict(0, "good", "blessed"))
        status, said = self.deploy()
        self.assertEqual(status, 3, said)
        self.assertEqual(self.current(), "old")


if __name__ == "__main__":
    unittest.main(verbosity=2)
