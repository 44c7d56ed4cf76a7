#!/usr/bin/env python3
"""The corpus of hostile texts against the real program, and against each planted fault.

This needs the program at target/debug/uecho or where UECHO points.
"""

import sys
import unittest
from pathlib import Path

import corpus
from planted import PLANTED, Planted

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "browser"))

from nodes import Node


class TheService(unittest.TestCase):
    def test_no_text_becomes_markup_redirect_or_header(self) -> None:
        node = Node(["http://127.0.0.1:1"])
        self.addCleanup(node.close)
        count, faults = corpus.scan(node.address)
        self.assertEqual(faults, [])
        self.assertEqual(count, len(corpus.HOSTILE) * len(list(corpus.requests(corpus.HARMLESS))))
        # A scan of a service that refuses everything would find nothing, too.
        texts = [f"/{corpus.quote(text, safe='')}" for text in corpus.HOSTILE]
        asked = [corpus.Request("GET", text, {"Accept": corpus.ACCEPT}) for text in texts]
        answers = [corpus.ask(node.address, request) for request in asked]
        self.assertEqual({answer.status for answer in answers}, {200})
        self.assertTrue(all("right back at ya!" in answer.body for answer in answers))


class ThePlanted(unittest.TestCase):
    def test_each_fault_is_found(self) -> None:
        for name, (_, kind) in PLANTED.items():
            with self.subTest(name), Planted(name) as server:
                _, faults = corpus.scan(server.url.removeprefix("http://"))
                kinds = {fault.kind for fault in faults}
                if kind is None:
                    self.assertEqual(faults, [])
                else:
                    self.assertIn(kind, kinds)
                    # Without its headers, a page is unprotected as well.
                    self.assertLessEqual(kinds, {kind, "unprotected"})

    def test_each_text_finds_something(self) -> None:
        """What no planted fault needs is not proven to find anything."""
        usual = {(tag,) for tag in ("html", "head", "title", "body", "h1")}
        usual |= {("span", "title"), ("a", "href")}
        # One of them has its fault whatever the text is.
        names = PLANTED.keys() - {"redirect-host"}
        servers = [self.enterContext(Planted(name)) for name in sorted(names)]
        addresses = [server.url.removeprefix("http://") for server in servers]

        def finds(text: str) -> bool:
            return any(
                fault.kind != "unprotected"
                for address in addresses
                for request in corpus.requests(text)
                for fault in corpus.judge(address, request, corpus.ask(address, request), usual)
            )

        self.assertEqual([text for text in corpus.HOSTILE if not finds(text)], [])
        self.assertFalse(finds(corpus.HARMLESS))


if __name__ == "__main__":
    unittest.main()
