"""Writing Markdown: a page, a table, a piece of code. And reading it: links, anchors, fenced blocks."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

GENERATED = "<!-- Written by `make docs`. Do not edit: change the source and write it anew. -->"
_FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(title: str, *parts: str) -> str:
    """A generated page."""
    return "\n\n".join([f"# {title}", GENERATED, *(p.strip("\n") for p in parts)]) + "\n"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; cells are Markdown in one line."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(_cell(c) for c in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def plain(text: str) -> str:
    """Text that is shown as it is: `<type>` is no tag."""
    return text.replace("<", "\\<")


def code(text: str) -> str:
    """A name or a value."""
    return f"`{text}`"


class Block(NamedTuple):
    """A fenced block."""

    language: str
    text: str


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(m[1], m[2]) for m in _FENCE.finditer(text)]


def links(text: str) -> Iterator[str]:
    """The targets of a page's links, outside code."""
    prose = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", text))
    for found in re.finditer(r"\]\(([^)\s]+)\)", prose):
        yield found[1]


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    made: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        number = 1
        unique = slug
        while unique in made:
            unique, number = f"{slug}-{number}", number + 1
        made.add(unique)
    return made
