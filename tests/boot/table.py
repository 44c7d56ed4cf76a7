"""What a run prints in the end: a line for each case."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """A line of the table."""

    case: str
    boots: int
    seconds: float
    ends_on: str


def show(lab: str, results: list[Result], failed: list[str], cases: int) -> None:
    """Print the table, and how many of the cases of this lab have passed."""
    print("\n| case | boots | seconds | ends on |\n|---|---|---|---|")
    for result in results:
        print(f"| {result.case} | {result.boots} | {result.seconds:.0f} | {result.ends_on} |")
    names = f": {', '.join(failed)}" if failed else ""
    print(f"\n{lab}: {cases - len(failed)} cases passed, {len(failed)} failed{names}")
