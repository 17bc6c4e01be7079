"""The page about service control runs: an invoice fails, deployments go to zero, it is paid, and they come back."""

from pathlib import Path

import pytest

from api.service_policies import policies_of
from commands.service_policies import POLICIES
from ledger.service_policy import BUILT_IN, STANDARD, written
from tests.docs import shell
from tests.docs.markdown import blocks
from tests.docs.sources import ROOT
from tests.test_docs import runs_a_shell


@runs_a_shell
@pytest.mark.service
def test_the_page_runs_and_prints_what_it_shows(tmp_path: Path) -> None:
    # given
    page = (ROOT / "docs" / "how-to" / "suspend-and-recover.md").read_text()
    script = shell.on_a_service(
        shell.steps(page), settings="RECOUNT_ALLOW_PRIVATE_ENDPOINTS=yes WEBHOOKS=http://127.0.0.1:8080/webhooks/stripe"
    )
    # when
    faults = shell.run(script, tmp_path, CATALOGUES=str(ROOT / "docs" / "catalogues"))
    # then
    assert faults == [], "\n\n".join(faults)


def test_the_policy_that_the_page_shows_is_the_standard_one_but_for_what_it_tolerates() -> None:
    # given
    page = (ROOT / "docs" / "explanation" / "service-control.md").read_text()
    (file,) = [b.text for b in blocks(page) if b.language == "yaml"]
    # when
    command = policies_of(file, "test")
    (published,) = POLICIES.decide(command, POLICIES.initial)
    # then
    assert written(command.policies[0]) == {**written(BUILT_IN[STANDARD]), "tolerated_minor": {"usd": 500}}
    assert published.version == 1
