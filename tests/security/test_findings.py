#!/usr/bin/env python3
"""What is done about findings: those that are allowed, are not, are no longer found, or have expired."""

import datetime
import unittest

import findings
from findings import Finding

TODAY = datetime.date(2026, 11, 30)
FRAMES = Finding("Clickjacking Protection", "/")
XSS = Finding("Reflected Cross Site Scripting", "/a")
ENTRY = """
[[allowed]]
scanner = "wapiti"
finding = "Clickjacking Protection"
path = "/"
reason = "the policy forbids frames"
expires = 2026-11-30
"""
MISSED = """
[[missed]]
scanner = "wapiti"
planted = "xss-path"
reason = "it tries parameters"
"""
WAPITI = {
    "vulnerabilities": {
        "Reflected Cross Site Scripting": [{"method": "GET", "path": "/a", "parameter": "text"}],
        "SQL Injection": [],
    },
    "anomalies": {"Internal Server Error": [{"method": "GET", "path": "/b", "parameter": ""}]},
    "additionals": {"Fingerprint web technology": [{"method": "GET", "path": "/", "parameter": ""}]},
}
ZAP = {
    "site": [
        {
            "@name": "http://a:8080",
            "alerts": [
                {
                    "pluginid": "40012",
                    "name": "Cross Site Scripting (Reflected)",
                    "riskcode": "3",
                    "instances": [{"uri": "http://a:8080/a?x=y", "method": "GET"}],
                },
                {
                    "pluginid": "10049",
                    "name": "Storable and Cacheable Content",
                    "riskcode": "0",
                    "instances": [{"uri": "http://a:8080/", "method": "GET"}],
                },
            ],
        }
    ]
}


def problems(found: set[Finding], entry: str = ENTRY, days: int = 0) -> list[str]:
    rules = findings.load(entry, TODAY)
    return findings.problems("wapiti", found, rules, TODAY + datetime.timedelta(days=days))


class Allowed(unittest.TestCase):
    def test_what_the_file_has_is_allowed_until_its_date(self) -> None:
        self.assertEqual(problems({FRAMES}), [])
        (expired,) = problems({FRAMES}, days=1)
        self.assertIn("Clickjacking Protection at /: allowed until 2026-11-30", expired)

    def test_what_it_has_not_is_not(self) -> None:
        self.assertEqual(
            problems({FRAMES, XSS}), ["wapiti: Reflected Cross Site Scripting at /a: not allowed"]
        )
        (elsewhere, gone) = problems({Finding(FRAMES.name, "/b")})
        self.assertIn("at /b: not allowed", elsewhere)
        self.assertIn("at /: allowed, but no longer found", gone)

    def test_an_entry_for_nothing_has_to_go(self) -> None:
        for days in (0, 1):
            (gone,) = problems(set(), days=days)
            self.assertIn("no longer found", gone)

    def test_an_entry_is_for_its_scanner(self) -> None:
        rules = findings.load(ENTRY, TODAY)
        self.assertEqual(findings.problems("zap", set(), rules, TODAY), [])
        self.assertEqual(len(findings.problems("zap", {FRAMES}, rules, TODAY)), 1)

    def test_mistakes_in_the_file_are_named(self) -> None:
        for change, message in {
            (
                'scanner = "wapiti"',
                'scanner = "nikto"',
            ): r"\[\[allowed\]\] 1: scanner must be one of wapiti, zap",
            ('reason = "the policy forbids frames"', 'reason = " "'): "reason must be a text",
            ('path = "/"', ""): "path must be a text",
            ("expires = 2026-11-30", ""): "expires must be a date, like 2027-06-02",
            ("expires = 2026-11-30", 'expires = "2026-11-30"'): "expires must be a date",
            ("expires = 2026-11-30", "expires = 2026-11-30T00:00:00Z"): "expires must be a date",
            ("expires = 2026-11-30", "expires = 2027-06-03"): "expires must not be after 2027-06-02",
            ("finding =", "fnding ="): "fnding: the keys are expires, finding",
            ("[[allowed]]", "[[alowed]]"): r"alowed: there are \[\[allowed\]\]",
        }.items():
            with self.subTest(message), self.assertRaisesRegex(findings.WrongFile, message):
                findings.load(ENTRY.replace(*change), TODAY)

    def test_the_file_of_the_repository_can_be_read(self) -> None:
        findings.load(findings.FILE.read_text(), datetime.datetime.now(datetime.UTC).date())


class Controls(unittest.TestCase):
    def test_a_planted_fault_must_be_found(self) -> None:
        rules = findings.load(MISSED, TODAY)
        self.assertIsNone(findings.wrong_control("wapiti", "xss-query", {XSS}, rules))
        wrong = findings.wrong_control("wapiti", "xss-query", {FRAMES}, rules)
        self.assertIn("wapiti misses the planted xss-query", wrong or "")
        self.assertIn("misses", findings.wrong_control("wapiti", "redirect-query", {XSS}, rules) or "")

    def test_what_is_said_to_be_missed_must_be_missed(self) -> None:
        rules = findings.load(MISSED, TODAY)
        self.assertIsNone(findings.wrong_control("wapiti", "xss-path", {FRAMES}, rules))
        self.assertIn("remove it", findings.wrong_control("wapiti", "xss-path", {XSS}, rules) or "")
        self.assertIn("misses", findings.wrong_control("zap", "xss-path", set(), rules) or "")


class Reports(unittest.TestCase):
    def test_wapiti(self) -> None:
        self.assertEqual(findings.of_wapiti(WAPITI), {XSS, Finding("Internal Server Error", "/b")})

    def test_zap_from_medium_risk(self) -> None:
        self.assertEqual(findings.of_zap(ZAP), {Finding("Cross Site Scripting (Reflected)", "/a")})


if __name__ == "__main__":
    unittest.main()
