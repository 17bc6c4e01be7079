"""How long something lasts, as people write it: `90d`, `24h`, `30m`, `45s`, `2w`."""

from typing import Any

import click

UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}


class Duration(click.ParamType[int]):
    """A number and its unit, given as whole seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Seconds."""
        if isinstance(value, int):
            return value
        number, unit = str(value)[:-1], str(value)[-1:]
        if not (number.isascii() and number.isdecimal() and unit in UNITS_S):
            self.fail(f"{value!r} is no duration; write 90d, 24h, 30m, 45s or 2w", param, ctx)
        return int(number) * UNITS_S[unit]
