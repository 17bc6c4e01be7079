"""The documentation says what is true: generated pages are fresh, links resolve, settings have rows, pages run."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs import shell, sources
from tests.docs.generate import PAGES, REFERENCE
from tests.docs.markdown import anchors, blocks, links
from tests.docs.reference_api import WEBHOOK_CODES, WEBHOOK_MODULES
from tests.docs.reference_models import MEANINGS

ROOT = sources.ROOT
DOCS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
#: Environment variables that the settings page explains, and that not `api/settings.py` but others read.
_READ_ELSEWHERE = {"PROMETHEUS_MULTIPROC_DIR", "POSTGRES_ENABLE_DB_FUNCTIONS", "RECOUNT_STRIPE_CORPUS"}

runs_a_shell = pytest.mark.skipif(
    shutil.which("bash") is None or shutil.which("curl") is None,
    reason="the pages are run with bash and curl, and one of them is not installed",
)


def test_ci_runs_exactly_the_test_command_of_the_readme() -> None:
    # given
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    # when
    shown = [line for b in blocks(readme) for line in b.text.splitlines() if line.startswith("make test")]
    # then
    assert [line.split("#")[0].strip() for line in shown] == ["make test"]
    assert "make test" in ci.splitlines()


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_make_docs_writes(name: str) -> None:
    assert (REFERENCE / name).read_text() == PAGES[name](), f"docs/reference/{name} is stale: run `make docs`"


def test_every_page_is_reached_from_the_index() -> None:
    # given
    index = ROOT / "docs" / "README.md"
    # when
    reached = {(index.parent / link.partition("#")[0]).resolve() for link in links(index.read_text())}
    # then
    assert {p for p in DOCS if p.is_relative_to(ROOT / "docs")} - reached - {index} == set()


@pytest.mark.parametrize("page", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_resolve(page: Path) -> None:
    for link in links(page.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {link}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target.read_text()), f"{page.name} links to {link}"


@pytest.mark.parametrize("page", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_is_taken_for_a_tag(page: Path) -> None:
    """What stands in angle brackets outside of code is not shown."""
    shown = re.sub(r"(`+)[^`]*?\1|```.*?^```|<!--.*?-->", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert re.findall(r"(?<!\\)</?[a-zA-Z][^>\n]*>", shown) == []


@pytest.mark.parametrize("where", ["ledger", "commands", "projections", "replay", "api"])
def test_pages_that_the_code_names_exist(where: str) -> None:
    for path in (ROOT / where).rglob("*.py"):
        for named in re.findall(r"docs/[\w./-]+\.md", path.read_text()):
            assert (ROOT / named).exists(), f"{path.relative_to(ROOT)} names {named}"


def test_every_setting_has_a_row_and_every_row_a_setting() -> None:
    # given
    page = (REFERENCE / "settings.md").read_text()
    # when
    rows = set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE))
    # then
    assert rows == sources.settings() | _READ_ELSEWHERE


def test_every_refusal_of_a_webhook_is_explained() -> None:
    # given
    raised = {c.code for c in sources.codes() if c.where in WEBHOOK_MODULES and c.kind == "Invalid"}
    # then
    assert raised - {"sealed_value_broken"} <= set(WEBHOOK_CODES)


def test_every_read_model_is_explained() -> None:
    from projections import MODELS

    assert set(MEANINGS) == set(MODELS)


def test_every_target_that_the_pages_name_is_in_the_makefile() -> None:
    # given
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    # when
    named = {t for page in DOCS for t in re.findall(r"`make ([a-z]+)", page.read_text())}
    # then
    assert named <= targets


def test_every_command_that_the_pages_show_exists() -> None:
    import click

    from replay.cli import recount

    context = click.Context(recount)
    for page in DOCS:
        shown = [
            line for b in blocks(page.read_text()) if b.language in ("sh", "console") for line in b.text.splitlines()
        ]
        shown += re.findall(r"`(recount [^`]+)`", page.read_text())
        for line in shown:
            for words in re.findall(r"(?:^|[\s(/])recount((?: [a-z-]+)+)", line):
                command: click.Command = recount
                for word in words.split():
                    if not isinstance(command, click.Group):
                        break
                    found = command.get_command(context, word)
                    assert found is not None, f"{page.name} shows: {line}"
                    command = found


def test_every_option_that_the_pages_show_exists() -> None:
    reference = (REFERENCE / "cli.md").read_text()
    for page in DOCS:
        text = page.read_text().replace("\\\n", " ")
        shown = [line for b in blocks(text) if b.language in ("sh", "console") for line in b.text.splitlines()]
        for line in shown:
            for call in re.findall(r"(?:^|[\s(/])recount ([^|;)>&]*)", line):
                for option in re.findall(r"(?<=\s)--[a-z-]+", call):
                    assert option in reference, f"{page.name} shows: {line}"


def test_the_runner_notices_output_that_is_not_as_shown(tmp_path: Path) -> None:
    # given
    page = "```sh\necho one two\n```\n```text\none ...\n```\n```sh\necho three\n```\n```text\nfour\n```\n"
    # when
    faults = shell.run(shell.steps(page), tmp_path)
    # then
    assert len(faults) == 1
    assert "expected:\nfour\ngot:\nthree" in faults[0]


def test_the_runner_notices_a_command_that_fails(tmp_path: Path) -> None:
    faults = shell.run(shell.steps("```sh\ntrue\n```\n```sh\nfalse\n```\n"), tmp_path)
    assert faults[0].startswith("exit code 1 in:\nfalse")


@runs_a_shell
@pytest.mark.service
def test_the_tutorial_runs_and_prints_what_it_shows(tmp_path: Path) -> None:
    # given
    script = shell.steps((ROOT / "docs" / "tutorial.md").read_text())
    # when
    faults = shell.run(script, tmp_path, warm=False)  # by the command as it is installed, all the way
    # then
    assert script
    assert faults == [], "\n\n".join(faults)


#: How-to pages that are run, in this order, against one service with simulated events.
_RUN = (
    "deliver-events", "read-what-is-set-aside", "link-an-organization", "act-and-approve", "rebuild-and-verify",
    "erase-a-person", "keys", "receive-notices",
)  # fmt: skip


@runs_a_shell
@pytest.mark.service
def test_the_how_to_pages_run_and_print_what_they_show(tmp_path: Path) -> None:
    # given
    pages = [(ROOT / "docs" / "how-to" / f"{name}.md").read_text() for name in _RUN]
    script = shell.on_a_service(
        [step for page in pages for step in shell.steps(page)],
        settings="RECOUNT_ALLOW_PRIVATE_ENDPOINTS=yes",
        first="KEY=$(recount keys issue --role operator --person ada)",
    )
    # when
    faults = shell.run(script, tmp_path)
    # then
    assert faults == [], "\n\n".join(faults)


def test_the_readme_shows_the_commands_that_the_makefile_has() -> None:
    done = subprocess.run(["make", "--dry-run", "demo", "test"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
