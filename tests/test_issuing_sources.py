"""What is billed by itself, as lines that Stripe takes: they sum to the total, however many or large they are."""

from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from commands.hosting_invoices import CloseInvoice, invoice
from commands.issuing_batches import batch_source
from commands.issuing_sources import bill_hosting, month_of
from commands.issuing_terms import MAX_AMOUNT_MINOR, MAX_LINES, requested
from ledger.codec import decode, encode, encode_metadata
from ledger.events import Metadata, Recorded
from ledger.hosting_billing_events import HostingInvoiceClosed
from ledger.ids import item_parts

META = encode_metadata(Metadata(occurred_at_s=1, actor="system", mode="test"))


def closed(amounts: dict[tuple[str, str], Decimal], minimum_minor: int = 1) -> HostingInvoiceClosed:
    lines = tuple((environment, namespace, f"{amount:f}") for (environment, namespace), amount in amounts.items())
    return invoice(
        CloseInvoice(
            mode="test", org="acme", currency="eur", month="2028-02", opening="0", amounts=lines,
            minimum_minor=minimum_minor,
        )
    )  # fmt: skip


def recorded(event: HostingInvoiceClosed) -> Recorded:
    topic, state = encode(event)
    return Recorded(1, "hosting_invoice/test/x", 1, decode(topic, state), META, 1)


names = st.text("abcdefgh/", min_size=1, max_size=300)
money = st.decimals(-(10**9), 2 * 10**9, places=3, allow_nan=False)


@given(st.dictionaries(st.tuples(names, names), money, min_size=1, max_size=8))
@example({("e", str(n)): Decimal(n) for n in range(1, 600)})
@example({("e", str(n)): Decimal(10**7) for n in range(400)})
def test_whatever_was_used_becomes_lines_that_stripe_takes_and_that_sum_to_the_total(
    amounts: dict[tuple[str, str], Decimal],
) -> None:
    event = closed(amounts)
    follows = bill_hosting(recorded(event), None, "receipt")
    if event.total_minor <= 0:
        assert follows == ()
        return
    (follow,) = follows
    asked = requested(follow.command)  # which raises for whatever Stripe would not take
    assert asked.total_minor == event.total_minor == sum(line.amount_minor for line in asked.lines)
    assert len(asked.lines) <= MAX_LINES
    assert all(0 < abs(line.amount_minor) <= MAX_AMOUNT_MINOR for line in asked.lines)
    if len([line for line in event.lines if line.amount_minor]) == len(asked.lines):
        mine = {str(n): line.amount_minor for n, line in enumerate(event.lines) if line.amount_minor}
        assert {line.key: line.amount_minor for line in asked.lines} == mine


def test_what_no_invoice_of_stripes_can_hold_is_not_asked_for() -> None:
    event = closed({("e", str(n)): Decimal(10**8) for n in range(300)})
    assert bill_hosting(recorded(event), None, "receipt") == ()


def test_what_is_carried_over_is_not_billed() -> None:
    event = closed({("e", "n"): Decimal(40)}, minimum_minor=50)
    assert bill_hosting(recorded(event), None, "receipt") == ()


def test_an_approval_of_a_batch_is_named_so_that_it_can_be_read_again() -> None:
    assert item_parts(batch_source("a:b/c", "2028-02", 3, 17)) == ("a:b/c", "2028-02.3", "17")


def test_a_month_is_its_seconds() -> None:
    assert month_of("2028-02") == (1832976000, 1832976000 + 29 * 86_400)
