"""What scanners report, and the dated file of what may be reported: .ci/web-scan.toml.

As a program, it judges a report: findings.py SCANNER REPORT (ends with 1 if anything has to be done), and
findings.py SCANNER REPORT FAULT for the report of a planted server, in which the fault has to be.
"""

import datetime
import json
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

FILE = Path(__file__).resolve().parents[2] / ".ci/web-scan.toml"
# Who allows a finding has to look at it again after this time at the latest.
LONGEST = datetime.timedelta(days=184)
# What the scanners call the fault that is planted, by the first part of its name.
NAMES = {
    "wapiti": {"xss": "Reflected Cross Site Scripting", "redirect": "Open Redirect"},
    "zap": {"xss": "Cross Site Scripting (Reflected)", "redirect": "External Redirect"},
}
MEDIUM = 2


class Finding(NamedTuple):
    name: str
    path: str


class Allowed(NamedTuple):
    scanner: str
    finding: Finding
    reason: str
    expires: datetime.date


class Rules(NamedTuple):
    allowed: list[Allowed]
    # Scanner and planted fault.
    missed: set[tuple[str, str]]


class WrongFile(Exception):
    """A mistake in the file of rules: which entry, which key, and what would be right."""


def text(entry: dict[str, Any], name: str, key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        raise WrongFile(f"{name}: {key} must be a text")
    return value


def scanner_of(entry: dict[str, Any], name: str) -> str:
    scanner = text(entry, name, "scanner")
    if scanner not in NAMES:
        raise WrongFile(f"{name}: scanner must be one of {', '.join(NAMES)}, not {scanner}")
    return scanner


def load(written: str, today: datetime.date) -> Rules:
    """Read the file."""
    content = tomllib.loads(written)
    keys = {
        "allowed": {"scanner", "finding", "path", "reason", "expires"},
        "missed": {"scanner", "planted", "reason"},
    }
    for table in content.keys() - keys.keys():
        raise WrongFile(f"{table}: there are [[allowed]] and [[missed]]")
    allowed, missed = [], set()
    for table, known in keys.items():
        for number, entry in enumerate(content.get(table, []), start=1):
            name = f"[[{table}]] {number}"
            if more := entry.keys() - known:
                raise WrongFile(f"{name}: {', '.join(sorted(more))}: the keys are {', '.join(sorted(known))}")
            scanner, reason = scanner_of(entry, name), text(entry, name, "reason")
            if table == "missed":
                missed.add((scanner, text(entry, name, "planted")))
                continue
            expires = entry.get("expires")
            if type(expires) is not datetime.date:
                raise WrongFile(f"{name}: expires must be a date, like {today + LONGEST}")
            if expires > today + LONGEST:
                raise WrongFile(f"{name}: expires must not be after {today + LONGEST}")
            finding = Finding(text(entry, name, "finding"), text(entry, name, "path"))
            allowed.append(Allowed(scanner, finding, reason, expires))
    return Rules(allowed, missed)


def of_wapiti(report: dict[str, Any]) -> set[Finding]:
    """Vulnerabilities and anomalies of wapiti's JSON report; "additionals" are remarks."""
    return {
        Finding(name, found["path"])
        for kind in ("vulnerabilities", "anomalies")
        for name, all_found in report[kind].items()
        for found in all_found
    }


def of_zap(report: dict[str, Any]) -> set[Finding]:
    """Alerts of ZAP's report traditional-json whose risk is medium or high."""
    return {
        Finding(alert["name"], urlsplit(instance["uri"]).path)
        for site in report["site"]
        for alert in site["alerts"]
        if int(alert["riskcode"]) >= MEDIUM
        for instance in alert["instances"]
    }


READ = {"wapiti": of_wapiti, "zap": of_zap}


def problems(scanner: str, found: set[Finding], rules: Rules, today: datetime.date) -> list[str]:
    """What has to be done about the findings: about each that is not allowed, and each entry that expired or
    allows what is no longer found.
    """
    entries = {entry.finding: entry for entry in rules.allowed if entry.scanner == scanner}
    todo = [f"{scanner}: {name} at {path}: not allowed" for name, path in sorted(found - entries.keys())]
    for finding, entry in sorted(entries.items()):
        name = f"{scanner}: {finding.name} at {finding.path}"
        if finding not in found:
            todo.append(f"{name}: allowed, but no longer found: remove the entry")
        elif entry.expires < today:
            todo.append(f"{name}: allowed until {entry.expires}: mend it, or look again and write a new date")
    return todo


def finds(scanner: str, planted: str, found: set[Finding]) -> bool:
    """Whether the fault of a planted server is among the findings."""
    return NAMES[scanner][planted.partition("-")[0]] in {finding.name for finding in found}


def wrong_control(scanner: str, planted: str, found: set[Finding], rules: Rules) -> str | None:
    """What is wrong if a scanner has not found a planted fault, or has found what it is said to miss."""
    expected = (scanner, planted) not in rules.missed
    if finds(scanner, planted, found) == expected:
        return None
    if expected:
        return f"{scanner} misses the planted {planted}: what it does not find elsewhere, means nothing"
    return f"{scanner} finds the planted {planted}: remove it from [[missed]]"


def main() -> None:
    scanner, report, *planted = sys.argv[1:]
    today = datetime.datetime.now(datetime.UTC).date()
    rules = load(FILE.read_text(), today)
    found = READ[scanner](json.loads(Path(report).read_text()))
    for name, path in sorted(found):
        print(f"{scanner}: {name} at {path}")
    if planted:
        wrong = wrong_control(scanner, planted[0], found, rules)
        sys.exit(wrong)
    todo = problems(scanner, found, rules, today)
    sys.exit("\n".join(todo) if todo else 0)


if __name__ == "__main__":
    main()
