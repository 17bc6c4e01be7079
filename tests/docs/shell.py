"""Runs what a page shows: its `sh` blocks, in order, in one shell; a `text` block after one is what it must print.

In expected output `...` stands for anything, and runs of blanks count as one. `8080` becomes a free port. Blocks in
another language (`console`, `yaml` …) are shown, not run.
"""

import doctest
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, NamedTuple

from tests.docs.markdown import blocks
from tests.docs.sources import ROOT
from tests.docs.warm import commands

TIMEOUT_S = 120
_MARK = "@@@ block"
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Step(NamedTuple):
    """A block to run, and what it prints; None: anything."""

    command: str
    expected: str | None


def steps(text: str) -> list[Step]:
    """The steps of a page."""
    found: list[Step] = []
    fenced = blocks(text)
    for place, block in enumerate(fenced):
        if block.language == "sh":
            after = fenced[place + 1] if place + 1 < len(fenced) else None
            found.append(Step(block.text, after.text if after is not None and after.language == "text" else None))
    return found


_SERVE = """\
export STRIPE_WEBHOOK_SECRET=whsec_of_the_pages_only_0001
export STRIPE_CONNECT_WEBHOOK_SECRET=whsec_of_the_pages_only_0002 {settings}
recount serve --workers 1 --port 8080 > serve.log 2>&1 &
SERVER=$!
until curl -sf http://127.0.0.1:8080/readyz > /dev/null; do sleep 0.1; done
{first}
"""


def on_a_service(page: list[Step], *, settings: str = "", first: str = "") -> list[Step]:
    """The steps of a page that says nothing of starting a service, with one beside them that ends with them.

    `settings`: more that is exported; `first`: what is run before the page, once the service is ready.
    """
    begin = Step(_SERVE.format(settings=settings, first=first), None)
    return [begin, *page, Step("kill $SERVER; wait $SERVER\n", None)]


def run(script: list[Step], folder: Path, *, warm: bool = True, **more: str) -> list[str]:
    """Run the steps in `folder`, with an environment of its own and `more`.

    `warm`: with a `recount` that need not read the code for each command. Returns what is not as the page says, for
    people.
    """
    port = _free_port()
    body = "".join(f"echo '{_MARK} {i}'\n{s.command}" for i, s in enumerate(script)).replace("8080", str(port))
    environment = {
        "PATH": os.pathsep.join(
            [*([str(commands())] if warm else []), str(Path(sys.executable).parent), os.environ["PATH"]]
        ),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "LOGNAME": "operator",
        **more,
    }
    with (
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as errors,
    ):  # a pipe lasts as long as a service
        shell = subprocess.Popen(
            ["bash", "-e", "-u", "-o", "pipefail", "-c", body],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            start_new_session=True,
        )
        try:
            shell.wait(TIMEOUT_S)
            late = []
        except subprocess.TimeoutExpired:
            late = [f"the page's commands did not end within {TIMEOUT_S} s"]
        if shell.returncode != 0:  # the page did not come to where it stops the service
            _end(shell.pid)
            shell.wait()
        printed, said = (_read(file).replace(str(port), "8080") for file in (out, errors))
    return late + _faults(script, printed, said, shell.returncode)


def _read(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def _faults(script: list[Step], out: str, errors: str, exit_code: int) -> list[str]:
    printed = out.split(_MARK)[1:]
    faults = []
    for step, said in zip(script, printed, strict=False):
        got = said.partition("\n")[2]
        if step.expected is not None and not doctest.OutputChecker().check_output(step.expected, got, _FLAGS):
            faults.append(f"$ {step.command}expected:\n{step.expected}got:\n{got}")
    if exit_code or len(printed) < len(script):
        at = script[max(0, len(printed) - 1)].command
        faults.append(f"exit code {exit_code} in:\n{at}\n{errors}")
    return faults


def _end(group: int) -> None:
    """Whatever of our own shell still runs, the service included: it stops in order on SIGTERM."""
    try:
        os.killpg(group, signal.SIGTERM)
    except ProcessLookupError:
        return


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


__all__ = ["ROOT", "Step", "run", "steps"]
