"""CSV: entries of a list as RFC 4180 lines that a spreadsheet opens without running anything. Knows no list.

What is not a number, a truth or a text is written as JSON in its cell. Null is an empty cell, an empty text too.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

MEDIA_TYPE = "text/csv"
#: RFC 4180, 3: the charset, and that the first line names the columns.
CONTENT_TYPE = "text/csv; charset=utf-8; header=present"

# What makes a spreadsheet take a cell for a formula (https://owasp.org/www-community/attacks/CSV_Injection); and the
# apostrophe itself, so that whoever takes one off the front of each cell that has one gets every text back.
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")  # full-width ones count
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def written(columns: Sequence[str], entries: Sequence[Mapping[str, Any]]) -> bytes:
    """A line of column names and one for each entry, each ended with CRLF."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\r\n")
    lines.writerow(columns)
    lines.writerows([cell(entry[c]) for c in columns] for entry in entries)
    return text.getvalue().encode()


def cell(value: Any) -> str:
    """A value as a cell. Whole numbers, minor units among them, stay what they are."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return _harmless(value)
        case _:
            return msgspec.json.encode(value).decode()


def _harmless(text: str) -> str:
    starts = text.startswith(_RISKY) or text.lstrip().startswith(_RISKY[:4])
    return f"'{text}" if starts and not _NUMBER.fullmatch(text) else text
