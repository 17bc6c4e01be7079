"""A `recount` that answers at once: a process that has read all the code forks for each command.

Each command still is a process of its own, with its own folder, environment, input, outputs and exit code; only reading
the code is not done again, which takes most of a short command's time. Services are started as ever, by the command
that is installed. Refuses to know what a command does.
"""

import atexit
import contextlib
import gc
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, NoReturn

#: They run until they are told to stop, by a signal to the process that the shell knows.
_LASTING = ("serve", "worker", "demo", "sandbox", "tail")
_CLIENT = """\
#!{python} -IS
import _socket, array, json, os, sys
if not set(sys.argv[1:3]).isdisjoint({lasting}):
    os.execv({installed!r}, [{installed!r}, *sys.argv[1:]])
asked = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
line = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
line.connect({address!r})
line.sendmsg([len(asked).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
while asked:
    asked = asked[line.send(asked):]
answered = line.recv(1)
sys.exit(answered[0] if answered else "the process that ran the command is gone")
"""


@cache
def commands() -> Path:
    """A folder with such a `recount`, for the front of `PATH`; there is one a test process."""
    kept = tempfile.TemporaryDirectory(prefix="recount-warm-", ignore_cleanup_errors=True)
    folder = Path(kept.name)
    address = folder / "line"
    process = subprocess.Popen([sys.executable, "-m", "tests.docs.warm", str(address)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == b"warm\n"
    process.stdout.close()
    client = folder / "recount"
    installed = str(Path(sys.executable).with_name("recount"))
    client.write_text(
        _CLIENT.format(python=sys.executable, lasting=set(_LASTING), installed=installed, address=str(address))
    )
    client.chmod(client.stat().st_mode | stat.S_IXUSR)

    def end() -> None:
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
        kept.cleanup()

    atexit.register(end)
    return folder


# ---- the process that has read the code -----------------------------------------------------------


def _warm_up() -> None:
    import click

    from replay.cli import recount

    for name in recount.list_commands(context := click.Context(recount)):
        recount.get_command(context, name)
    for door in distribution("recount").entry_points.select(group="recount.service"):
        with contextlib.suppress(ImportError, AttributeError):  # the command that needs it says so
            door.load()
    gc.collect()
    gc.freeze()


def _serve(address: str) -> None:
    """Until standard input is closed: whoever started this is gone."""
    import select

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        os.write(1, b"warm\n")
        while True:
            ready, _, _ = select.select([listening, 0], [], [])
            if 0 in ready:
                return
            line, _ = listening.accept()
            with line:
                if os.fork() == 0:
                    listening.close()
                    _answer(line)


def _answer(line: socket.socket) -> NoReturn:
    """As the command that was asked for, in a process of its own."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    (arguments, folder, environment), files = _asked(line)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    code = _run(arguments)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BrokenPipeError):
            stream.flush()
    line.sendall(bytes([code]))
    os._exit(0)


def _asked(line: socket.socket) -> tuple[Any, list[int]]:
    size, files, _, _ = socket.recv_fds(line, 4, 3)
    left, parts = int.from_bytes(size, "big"), []
    while left:
        parts.append(part := line.recv(left))
        left -= len(part)
    return json.loads(b"".join(parts)), list(files)


def _run(arguments: list[str]) -> int:
    from replay.cli import main

    sys.argv = ["recount", *arguments]
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    _warm_up()
    _serve(sys.argv[1])
