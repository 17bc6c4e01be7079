"""The three worked catalogues: their pages run, from signed events to an answered check and a delivered notice."""

from pathlib import Path

import pytest

from api.catalogue_file import catalogue_of
from commands.plans import Plans, decide, evolve
from tests.docs import shell
from tests.docs.sources import ROOT
from tests.test_docs import runs_a_shell

CATALOGUES = ROOT / "docs" / "catalogues"
FILES = sorted(CATALOGUES.glob("*.yaml"))


def test_the_catalogues_can_be_applied_side_by_side() -> None:
    plans = Plans()
    for file in FILES:
        command = catalogue_of(file.read_text(), "test", 1_800_000_000)
        for event in decide(command, plans):
            plans = evolve(plans, event)
    assert {k.catalogue for k in plans.plans.values()} == {"3-6-9", "embedded-ai", "managed-agents"}
    assert len(plans.plans) == 14


@runs_a_shell
@pytest.mark.service
@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_the_page_of_a_catalogue_runs_and_prints_what_it_shows(file: Path, tmp_path: Path) -> None:
    # given
    page = (ROOT / "docs" / "how-to" / f"plans-{file.stem}.md").read_text()
    script = shell.on_a_service(
        shell.steps(page),
        settings="RECOUNT_ALLOW_PRIVATE_ENDPOINTS=yes WEBHOOKS=http://127.0.0.1:8080/webhooks/stripe",
        first="KEY=$(recount keys issue --role service)",
    )
    # when
    faults = shell.run(script, tmp_path, CATALOGUES=str(CATALOGUES))
    # then
    assert faults == [], "\n\n".join(faults)
