"""How many examples a law is tried on: few whenever tests run, many where `make soak` asks for the profile `soak`.

A law's own number is relative to a hundred, which is what `soak` takes three times of and every day two fifths.
"""

from hypothesis import HealthCheck, settings

_WHOLE = 100
_LEFT_ALONE = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]

settings.register_profile("recount", max_examples=40, deadline=None, suppress_health_check=_LEFT_ALONE)
settings.register_profile("soak", max_examples=300, deadline=None, suppress_health_check=_LEFT_ALONE)


def examples(number: int) -> settings:
    """For a law that needs more or fewer than others: `number` where these take a hundred."""
    return settings(max_examples=max(1, number * settings.default.max_examples // _WHOLE))
