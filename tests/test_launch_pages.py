"""The page about launching runs: a closed gate, refusals with their reasons, and a purchase that is set up."""

import shutil
from pathlib import Path

import pytest

from tests.docs import shell
from tests.docs.sources import ROOT

_BEGIN = """\
export STRIPE_WEBHOOK_SECRET=whsec_launch_page_only_0001 STRIPE_CONNECT_WEBHOOK_SECRET=whsec_launch_page_only_0002
recount serve --workers 1 --port 8080 > serve.log 2>&1 &
SERVER=$!
until curl -sf http://127.0.0.1:8080/readyz > /dev/null; do sleep 0.1; done
"""
_END = "kill $SERVER; wait $SERVER\n"


@pytest.mark.skipif(
    shutil.which("bash") is None or shutil.which("curl") is None,
    reason="the page is run with bash and curl, and one of them is not installed",
)
@pytest.mark.service
def test_the_page_runs_and_prints_what_it_shows(tmp_path: Path) -> None:
    # given
    page = (ROOT / "docs" / "how-to" / "launch.md").read_text()
    script = [shell.Step(_BEGIN, None), *shell.steps(page), shell.Step(_END, None)]
    # when
    faults = shell.run(script, tmp_path, CATALOGUES=str(ROOT / "docs" / "catalogues"))
    # then
    assert faults == [], "\n\n".join(faults)
