"""What an issuance makes of Stripe's answers, and of how the invoice stands there. Pure."""

from typing import Literal, NamedTuple

import msgspec

from commands.issuing_amounts import Seen, discrepancies
from commands.issuing_calls import step_calls
from commands.issuing_process import INVOICE_GONE, Issuance, Want, evolve
from ledger.events import Event
from ledger.issuing_events import (
    Discrepancy,
    IssuanceCompared,
    IssuanceFailed,
    IssuanceHeld,
    IssuanceIssued,
    IssuanceRequested,
    IssuanceStepAsked,
    IssuanceStepDone,
    IssuanceVoided,
    MadeObject,
    Step,
)


class AskStep(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for what the step wants; the calls themselves are appended beside this (`issuing_process.step_calls`)."""

    customer: str


class Answer(NamedTuple):
    """What a call of the step came to."""

    call: str
    object_id: str | None
    """None: it failed."""
    type: str = ""
    code: str | None = None
    param: str | None = None


class TakeAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """Every call of the step has an answer."""

    answers: tuple[Answer, ...]
    at_s: int


class GiveUpStep(msgspec.Struct, frozen=True, kw_only=True):
    """The step cannot even be asked for."""

    type: str
    code: str | None
    at_s: int


class TakeLook(msgspec.Struct, frozen=True, kw_only=True):
    """Stripe's invoice as it stands; None: Stripe has it no more."""

    seen: Seen | None
    at_s: int


Taken = AskStep | TakeAnswers | GiveUpStep | TakeLook


def taken(command: Taken, issuance: Issuance, wanted: Want) -> tuple[Event, ...]:
    """What follows. What was not wanted, since somebody else was first, is nothing."""
    asked = issuance.requested
    assert asked is not None
    if isinstance(command, AskStep):
        if wanted.what not in ("customer", "calls"):
            return ()
        calls = tuple(call for call, _ in step_calls(issuance, wanted.step, command.customer))
        return (
            IssuanceStepAsked(
                issuance=asked.issuance, mode=asked.mode, step=wanted.step, customer=command.customer, calls=calls
            ),
        )
    if isinstance(command, GiveUpStep):
        return (_failed(asked, wanted.step, Answer("", None, command.type, command.code), command.at_s),)
    if isinstance(command, TakeAnswers):
        return _answered(command, issuance, asked, wanted.step) if wanted.what == "answers" else ()
    return _looked(command, issuance, asked) if wanted.what == "look" else ()


def closing(issuance: Issuance, events: tuple[Event, ...]) -> tuple[Event, ...]:
    """What these events make of the issuance as a whole: that it is issued, or not billed at all."""
    for event in events:
        issuance = evolve(issuance, event)
    asked = issuance.requested
    if asked is None or not events or issuance.asked or issuance.voided:
        return ()
    if issuance.voiding:
        return (_voided(asked, None),) if issuance.invoice is None and not issuance.items else ()
    if issuance.step is not None or issuance.issued or issuance.failed is not None or issuance.held is not None:
        return ()
    assert issuance.invoice is not None
    return (
        IssuanceIssued(
            issuance=asked.issuance,
            mode=asked.mode,
            org=asked.org,
            account=asked.account,
            source_kind=asked.source_kind,
            source=asked.source,
            invoice=issuance.invoice,
        ),
    )


def _voided(asked: IssuanceRequested, invoice: str | None) -> IssuanceVoided:
    return IssuanceVoided(
        issuance=asked.issuance,
        mode=asked.mode,
        org=asked.org,
        account=asked.account,
        source_kind=asked.source_kind,
        source=asked.source,
        invoice=invoice,
    )


def _answered(command: TakeAnswers, issuance: Issuance, asked: IssuanceRequested, step: Step) -> tuple[Event, ...]:
    given = {answer.call: answer for answer in command.answers}
    if any(each.call not in given for each in issuance.asked):
        return ()
    mine = [_taken(given[each.call], each.line, issuance, step) for each in issuance.asked]
    made = tuple(MadeObject(a.call, a.object_id) for a in mine if a.object_id is not None)
    said: list[Event] = []
    if made:
        said.append(IssuanceStepDone(issuance=asked.issuance, mode=asked.mode, step=step, made=made))
        if step == "void":
            said.append(_voided(asked, issuance.invoice))
    refused = next((a for a in mine if a.object_id is None), None)
    if refused is not None:
        said.append(_failed(asked, step, refused, command.at_s))
    return tuple(said)


def _taken(answer: Answer, line: str | None, issuance: Issuance, step: Step) -> Answer:
    """The answer as this process takes it: what is to be undone and is gone, is undone; a draft may be gone itself."""
    if answer.object_id is not None or answer.code != "resource_missing" or issuance.finalized:
        return answer
    if step in ("take_back", "void"):
        gone = issuance.items.get(line or "") or issuance.invoice
        return answer._replace(object_id=gone)
    of_draft = step == "finalize" or (step == "items" and answer.param == "invoice")
    return answer._replace(type=INVOICE_GONE) if of_draft else answer


def _failed(asked: IssuanceRequested, step: Step, refused: Answer, at_s: int) -> IssuanceFailed:
    return IssuanceFailed(
        issuance=asked.issuance,
        mode=asked.mode,
        org=asked.org,
        account=asked.account,
        step=step,
        call=refused.call or None,
        type=refused.type,
        code=refused.code,
        at_s=at_s,
    )


def _looked(command: TakeLook, issuance: Issuance, asked: IssuanceRequested) -> tuple[Event, ...]:
    step: Literal["compare", "confirm"] = "confirm" if issuance.finalized else "compare"
    seen, invoice = command.seen, issuance.invoice
    assert invoice is not None
    if seen is None:
        return (_failed(asked, step, Answer("", None, INVOICE_GONE), command.at_s),)
    found = discrepancies(asked, issuance.items, issuance.customer, seen, finalized=issuance.finalized)
    released = issuance.released_total_minor
    if found and released is not None and seen.status not in ("draft", "void", None):
        # A person saw Stripe's total and let it go: that, and nothing else, is what goes out.
        same = Discrepancy("total", str(released), str(seen.total_minor))
        found = () if seen.total_minor == released else (same,)
    if found:
        return (
            IssuanceHeld(
                issuance=asked.issuance,
                mode=asked.mode,
                org=asked.org,
                account=asked.account,
                step=step,
                invoice=invoice,
                discrepancies=found,
                total_minor=seen.total_minor,
                at_s=command.at_s,
            ),
        )
    return (
        IssuanceCompared(
            issuance=asked.issuance,
            mode=asked.mode,
            step=step,
            invoice=invoice,
            status=seen.status,
            subtotal_minor=seen.subtotal_minor,
            tax_minor=seen.tax_minor,
            total_minor=seen.total_minor,
            at_s=command.at_s,
        ),
    )
