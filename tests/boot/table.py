"""What a run prints in the end: a line for each case."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """A line of the table."""

    case: str
    boots: int
    seconds: float
    ends_on: str


def show(results: list[Result]) -> None:
    """Print the table."""
    print("\n| case | boots | seconds | ends on |\n|---|---|---|---|")
    for result in results:
        print(f"| {result.case} | {result.boots} | {result.seconds:.0f} | {result.ends_on} |")
