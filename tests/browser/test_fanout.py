#!/usr/bin/env python3
"""The page of a fan-out as a browser draws it. With UECHO_PICTURES=DIRECTORY, the pictures are kept there.

This needs chromium, and the program at target/debug/uecho or where UECHO points.
"""

import os
import sys
import unittest
from itertools import pairwise
from pathlib import Path
from typing import Any

from devtools import Browser
from nodes import Node, Peers, echo, fan_out

HOSTILE = "</text></svg><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\"'&lt;" + "W" * 200
FULL = """(() => {
  const box = element => {
    const {left, right, top, bottom} = element.getBoundingClientRect();
    return {left, right, top, bottom};
  };
  const picture = document.querySelector("svg");
  const bars = [...picture.querySelectorAll(":scope > rect.bar")].map(bar => {
    const texts = [...picture.querySelectorAll(":scope > text")];
    const middle = (box(bar).top + box(bar).bottom) / 2;
    const label = texts.find(text => box(text).top < middle && box(text).bottom > middle);
    const {left, top} = box(picture);
    const cells = [...picture.querySelectorAll(":scope > svg")].filter(({y, height}) =>
      y.baseVal.value < middle - top && y.baseVal.value + height.baseVal.value > middle - top);
    return {box: box(bar), fill: getComputedStyle(bar).fill, label: label.textContent, labelBox: box(label),
      cells: cells.map(cell => ({text: cell.textContent, left: left + cell.x.baseVal.value,
        right: left + cell.x.baseVal.value + cell.width.baseVal.value,
        clipped: getComputedStyle(cell).overflow}))};
  });
  const ticks = [...picture.querySelectorAll("g text")].map(box);
  return {picture: box(picture), bars, ticks, width: document.documentElement.scrollWidth, window: innerWidth,
    scripts: document.scripts.length, images: document.images.length,
    text: document.body.textContent, title: document.title};
})()"""


def milliseconds(label: str) -> float:
    number, unit = label.split(" ")
    assert unit == "ms", label
    return float(number)


def leaf(name: str, start: float, elapsed: float, outcome: str = "ok", **more: Any) -> dict[str, Any]:
    """Return one reply of a peer's fan-out."""
    return {
        "peer": f"http://{name}:8080",
        "outcome": outcome,
        "status": 200,
        "elapsed_ms": elapsed,
        "message": "m",
        "start_ms": start,
        **more,
    }


class Page(unittest.TestCase):
    browser: Browser

    @classmethod
    def setUpClass(cls) -> None:
        cls.browser = cls.enterClassContext(Browser())

    def peers(self, answers: dict[str, tuple[float, int, str, str]]) -> Peers:
        peers = Peers(answers)
        self.addCleanup(peers.close)
        return peers

    def look(self, node: Node, text: str, name: str) -> dict[str, Any]:
        """Open the page of a fan-out, and check what is true of every such page."""
        self.browser.open(node.url(text))
        pictures = os.environ.get("UECHO_PICTURES")
        if pictures:
            self.browser.picture(Path(pictures, f"{name}.png"))
        seen = dict(self.browser.run(FULL))
        self.assertEqual(self.browser.complaints(), [])
        self.assertEqual((seen["scripts"], seen["images"]), (0, 0))
        self.assertLessEqual(seen["width"], seen["window"], "the page does not scroll sideways")
        for left, right in pairwise(seen["ticks"][3:]):
            self.assertLess(left["right"], right["left"], "the scale's labels are apart")
        whole = seen["bars"][0]
        full, total = whole["box"]["right"] - whole["box"]["left"], milliseconds(whole["label"])
        above: list[tuple[float, dict[str, float]]] = []
        for bar in seen["bars"]:
            box, picture = bar["box"], seen["picture"]
            width = box["right"] - box["left"]
            self.assertGreaterEqual(width, 1.9, f"{bar['label']} is visible")
            self.assertNotIn(bar["fill"], ["none", "rgb(0, 0, 0)"], "attributes style it")
            self.assertTrue(picture["left"] <= box["left"] and box["right"] <= picture["right"], bar)
            self.assertTrue(picture["top"] <= box["top"] and box["bottom"] <= picture["bottom"], bar)
            # Labels have two or three significant digits, and a bar has at least two pixels.
            expected = full * milliseconds(bar["label"]) / total
            self.assertAlmostEqual(
                width, expected, delta=max(3, 0.02 * full), msg=f"{bar['label']} of {whole['label']}"
            )
            # No column reaches into the next.
            cells = [(cell["left"], cell["right"]) for cell in bar["cells"]]
            self.assertTrue(all(cell["clipped"] == "hidden" for cell in bar["cells"]))
            label = (bar["labelBox"]["left"], bar["labelBox"]["right"])
            columns = sorted([*cells, (box["left"], box["right"]), label])
            for (_, right), (left, _) in pairwise(columns):
                self.assertLessEqual(right, left + 0.1, columns)
            # No bar extends beyond that of the row above it in the tree.
            indent = cells[0][0]
            above = [row for row in above if row[0] < indent]
            if above:
                self.assertGreaterEqual(box["left"], above[-1][1]["left"] - 2.1)
                self.assertLessEqual(box["right"], above[-1][1]["right"] + 2.1)
            above.append((indent, box))
        return seen

    def rows(self, seen: dict[str, Any]) -> list[list[str]]:
        return [[cell["text"] for cell in bar["cells"]] for bar in seen["bars"]]

    def test_a_tree_of_real_nodes(self) -> None:
        peers = self.peers(
            {
                "quick": (0, 200, "application/json", echo("quick")),
                "slow": (150, 200, "application/json", echo("slow")),
                "slower": (700, 200, "application/json", echo("slower")),
                "busy": (80, 503, "text/plain", "busy"),
            }
        )
        nodes: list[Node] = []
        for names in [["quick", "slow"], ["quick", "busy"], ["slower", "quick"]]:
            below = [node.url("").rstrip("/") for node in nodes[-1:]]
            nodes.append(Node([*below, *map(peers.url, names)]))
            self.addCleanup(nodes[-1].close)
        seen = self.look(nodes[-1], "hello%20world", "tree")
        self.assertEqual(seen["title"], "partial - Unstoppable Echo")
        self.assertIn("hello world right back at ya!", seen["text"])
        outcomes = [row[1] for row in self.rows(seen)]
        self.assertEqual(
            outcomes,
            ["partial", "ok, partial", "ok, complete", "ok", "ok", "ok", "bad_status 503", "ok", "ok"],
        )
        # Requests that began together are drawn so, and a slow one is long.
        self.assertEqual(
            [row[0] for row in self.rows(seen)][1:3], [node.url("").rstrip("/") for node in nodes[1::-1]]
        )
        longest = max(seen["bars"][1:], key=lambda bar: float(bar["box"]["right"] - bar["box"]["left"]))
        self.assertEqual(longest["cells"][0]["text"], peers.url("slower"))

    def test_64_peers_and_three_levels(self) -> None:
        below = [
            leaf(f"leaf-{index}", index, 40 - index, ["ok", "timeout", "refused"][index % 3])
            for index in range(8)
        ]
        middle = [leaf("middle", 5, 60, completeness="partial", own_elapsed_ms=50, replies=below)]
        tree = (90.0, 200, "application/json", fan_out("partial", 80, middle))
        peers = self.peers({f"peer-{index}": tree for index in range(64)})
        node = Node([peers.url(f"peer-{index}") for index in range(64)])
        self.addCleanup(node.close)
        seen = self.look(node, "crowd", "crowd")
        self.assertEqual(len(seen["bars"]), 1 + 64 * 10)

    def test_replies_that_were_left_out_are_counted(self) -> None:
        many = fan_out("complete", 5, [leaf(f"leaf-{index}.{'x' * 100}", 0, 1) for index in range(700)])
        peers = self.peers({name: (20, 200, "application/json", many) for name in "abcd"})
        node = Node([peers.url(name) for name in "abcd"])
        self.addCleanup(node.close)
        seen = self.look(node, "large", "large")
        self.assertEqual(len(seen["bars"]), 5)
        self.assertEqual(seen["text"].count("700 more, left out for size"), 4)

    def test_text_of_hostile_peers_stays_text_in_its_place(self) -> None:
        liars = [
            leaf(HOSTILE, -5, 1e300, HOSTILE, message=HOSTILE),
            leaf("late", 1e300, -1, message="\u0000\u0007", own_elapsed_ms=-1e300),
            leaf("wide", 0, 3, message="\ufdfd" * 300),
        ]
        peers = self.peers(
            {
                "liar": (30, 200, "application/json", fan_out("failed", 1e300, liars)),
                "text": (10, 200, "application/json", echo(HOSTILE)),
            }
        )
        node = Node([peers.url("liar"), peers.url("text")])
        self.addCleanup(node.close)
        self.browser.open(node.url("%3Cb%3E%E2%80%AE" + "w" * 300))
        pictures = os.environ.get("UECHO_PICTURES")
        if pictures:
            self.browser.picture(Path(pictures, "hostile.png"))
        seen = self.browser.run(FULL)
        self.assertEqual(self.browser.complaints(), [])
        self.assertEqual((seen["scripts"], seen["images"], len(seen["bars"])), (0, 0, 6))
        self.assertIn(HOSTILE[:100], seen["text"])
        self.assertLessEqual(seen["width"], seen["window"])
        for bar in seen["bars"]:
            self.assertGreaterEqual(bar["box"]["left"], seen["bars"][0]["box"]["left"] - 2.1)
            self.assertLessEqual(bar["box"]["right"], seen["bars"][0]["box"]["right"] + 2.1)
            self.assertLessEqual(bar["labelBox"]["right"], seen["picture"]["right"])

    def test_the_browser_complains_about_forbidden_content(self) -> None:
        for wrong in ['<p style="color: red">x</p>', "<style>p { color: red }</style>", "<script>1</script>"]:
            peers = self.peers({"page": (0, 200, "text/html", f"<!DOCTYPE html>{wrong}")})
            self.browser.open(peers.url("page"))
            self.assertTrue(
                any("Content Security Policy" in text for text in self.browser.complaints()), wrong
            )


if __name__ == "__main__":
    sys.exit(not unittest.main(verbosity=2, exit=False).result.wasSuccessful())
