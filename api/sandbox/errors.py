"""Errors as Stripe answers them: https://docs.stripe.com/api/errors. Refuses to know what caused them."""

from typing import Any


class StripeError(Exception):
    """An error answer. What its handler did to the state is undone, unless `keeps` says that it stays."""

    def __init__(self, status: int, type: str, message: str, *, keeps: bool = False, **fields: Any) -> None:
        """`fields`: code, param, decline_code, charge, payment_intent, payment_method, setup_intent."""
        super().__init__(message)
        self.status = status
        self.keeps = keeps
        """A declined card leaves its failed charge."""
        self.body = {"message": message, "type": type, **{name: said for name, said in fields.items() if said}}


def invalid(message: str, param: str | None = None, code: str | None = None, **fields: Any) -> StripeError:
    """The request cannot be meant so: 400."""
    return StripeError(400, "invalid_request_error", message, param=param, code=code, **fields)


def missing(kind: str, id: str, param: str = "id") -> StripeError:
    """There is no such object. In a path 404, named by a parameter 400, as Stripe does."""
    named = kind.rpartition(".")[2].replace("_", " ")
    return StripeError(
        404 if param == "id" else 400,
        "invalid_request_error",
        f"No such {named}: '{id}'",
        code="resource_missing",
        param=param,
    )


def declined(code: str, message: str, decline_code: str | None = None, **fields: Any) -> StripeError:
    """The card was declined: 402. Its failed charge stays: https://docs.stripe.com/declines/codes."""
    return StripeError(402, "card_error", message, keeps=True, code=code, decline_code=decline_code, **fields)
