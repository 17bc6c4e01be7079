"""The page on billing hosting does what it says: each of its commands in order, in this process, without a service.

What is no command is done as the page says it: its file is written, its cost event is taken, and days go by as the
worker would let them. `env_…` is the environment that the page made.
"""

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from hosting import at
from test_cli import Cli, take

from api.hosting import accruing, taking
from commands.cost_events import CostEvent
from ledger.store import Log
from projections import BILLING
from replay.live import Projector
from tests.docs.markdown import blocks
from tests.docs.sources import ROOT

PAGE = ROOT / "docs" / "how-to" / "bill-hosting.md"
RATE = {
    "id": "evt_rate", "object": "event", "type": "tax_rate.created", "api_version": "2025-03-31.basil",
    "created": at("2026-01-01"), "livemode": False, "pending_webhooks": 0, "request": None,
    "data": {"object": {
        "id": "txr_19", "object": "tax_rate", "active": True, "display_name": "VAT", "inclusive": False,
        "percentage": 19.0, "created": at("2026-01-01"), "livemode": False, "metadata": {},
    }},
}  # fmt: skip
#: What the provider counted: other than what the page reports.
LEDGER = "namespace,day,resource,quantity\nacme/jobs,2026-01-05,cpu,3\n"


class Reader:
    """Somebody who does what the page says."""

    def __init__(self, database: str, folder: Path) -> None:
        self._database, self._folder = database, folder
        self._cli = Cli(database, RECOUNT_SECOND_PERSON_FROM="100")
        self._environment = ""
        self.done: list[str] = []
        (folder / "usage.csv").write_text(LEDGER)

    def follow(self, language: str, text: str) -> None:
        """Do what a block says."""
        if language == "yaml":
            (self._folder / text.splitlines()[0].removeprefix("# ")).write_text(text)
        elif language == "json":
            log = Log(self._database)
            events = tuple(CostEvent(**each) for each in json.loads(text)["events"])
            taking.take(log, taking.Reporter("test", "cluster", 2**37), taking.Batch(events=events))
            log.close()
            self._let_days_pass()
        else:
            for line in text.splitlines():
                self._command(line)

    def _command(self, line: str) -> None:
        words = [w.replace("env_…", self._environment) for w in shlex.split(line)]
        files = {each.name: str(each) for each in self._folder.iterdir()}
        differs = "reconcile" in words and "--book" not in words
        said = self._cli(*(files.get(w, w) for w in words[1:]), code=1 if differs else 0).stdout
        made = re.search(r"env_[0-9A-Za-z]+", said)
        if "create" in words:
            assert made is not None, said
            self._environment = made.group()
        self.done.append(" ".join(words[1:3]))
        self._let_days_pass()

    def _let_days_pass(self) -> None:
        self._wait()
        self._cli("env", "accrue")
        self._wait()

    def _wait(self) -> None:
        log = Log(self._database)
        accruing.caught_up(self._database)(log.head())
        log.close()

    def rows(self, *words: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._cli.json(*words)["data"]
        return found


@contextmanager
def folding(database: str) -> Iterator[None]:
    """The read models follow the log, as a worker has them do."""
    stop = Event()

    def follow() -> None:
        with closing(Projector(database, BILLING)) as projector:
            assert projector.lead()
            while not stop.is_set():
                projector.catch_up()
                stop.wait(0.01)

    thread = Thread(target=follow)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def reader(database: str, tmp_path: Path) -> Iterator[Reader]:
    take(database, [json.dumps(RATE).encode()])
    with folding(database):
        yield Reader(database, tmp_path)


def test_each_command_of_the_page_does_what_the_page_says(reader: Reader) -> None:
    for block in blocks(PAGE.read_text()):
        reader.follow(block.language, block.text)
    assert {"rates apply", "env place", "env move", "env rate-card", "env close-month", "tax set", "env reconcile"} <= {
        *reader.done
    }
    # and what it comes to is what it would: 2.5 core-hours at 4.2, a fifth on top, in acme's default environment
    (invoice,) = [row for row in reader.rows("env", "invoices", "--month", "2026-01") if row["org"] == "acme"]
    assert (invoice["accrued"], invoice["state"]) == ("12.6", "carried")
