"""The three worked catalogues: their pages run, from signed events to an answered check and a delivered notice."""

import shutil
from pathlib import Path

import pytest

from api.catalogue_file import catalogue_of
from commands.plans import Plans, decide, evolve
from tests.docs import shell
from tests.docs.sources import ROOT

CATALOGUES = ROOT / "docs" / "catalogues"
FILES = sorted(CATALOGUES.glob("*.yaml"))
_BEGIN = """\
export STRIPE_WEBHOOK_SECRET=whsec_plan_pages_only_0001 STRIPE_CONNECT_WEBHOOK_SECRET=whsec_plan_pages_only_0002
export RECOUNT_ALLOW_PRIVATE_ENDPOINTS=yes WEBHOOKS=http://127.0.0.1:8080/webhooks/stripe
recount serve --workers 1 --port 8080 > serve.log 2>&1 &
SERVER=$!
until curl -sf http://127.0.0.1:8080/readyz > /dev/null; do sleep 0.1; done
KEY=$(recount keys issue --role service)
"""
_END = "kill $SERVER; wait $SERVER\n"


def test_the_catalogues_can_be_applied_side_by_side() -> None:
    plans = Plans()
    for file in FILES:
        command = catalogue_of(file.read_text(), "test", 1_800_000_000)
        for event in decide(command, plans):
            plans = evolve(plans, event)
    assert {k.catalogue for k in plans.plans.values()} == {"3-6-9", "embedded-ai", "managed-agents"}
    assert len(plans.plans) == 14


@pytest.mark.skipif(
    shutil.which("bash") is None or shutil.which("curl") is None,
    reason="the pages are run with bash and curl, and one of them is not installed",
)
@pytest.mark.service
@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_the_page_of_a_catalogue_runs_and_prints_what_it_shows(file: Path, tmp_path: Path) -> None:
    # given
    page = (ROOT / "docs" / "how-to" / f"plans-{file.stem}.md").read_text()
    script = [shell.Step(_BEGIN, None), *shell.steps(page), shell.Step(_END, None)]
    # when
    faults = shell.run(script, tmp_path, CATALOGUES=str(CATALOGUES))
    # then
    assert faults == [], "\n\n".join(faults)
