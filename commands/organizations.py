"""Which organization a Stripe customer is billed for, when an operator says so. One stream a customer."""

from typing import TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_account, require_customer, require_mode, require_org
from ledger.errors import Refused
from ledger.events import Event, OrganizationLinked, OrganizationUnlinked
from ledger.ids import Mode, link_stream


class LinkOrganization(msgspec.Struct, frozen=True, kw_only=True):
    """Bill this customer for this organization from now on, whatever metadata claims. Replaces an earlier link."""

    mode: Mode
    account: str
    customer: str
    org: str


class UnlinkOrganization(msgspec.Struct, frozen=True, kw_only=True):
    """Take the link back: claims in metadata count again."""

    mode: Mode
    account: str
    customer: str


Command: TypeAlias = LinkOrganization | UnlinkOrganization
#: The organization that the customer is linked to.
Link: TypeAlias = str | None


def evolve(link: Link, event: Event) -> Link:
    """The link after an event."""
    return event.org if isinstance(event, OrganizationLinked) else None


def decide(command: Command, link: Link) -> tuple[Event, ...]:
    """Link, replace or unlink. Raises Invalid for ids that are none, Refused("not_linked")."""
    require_mode(command.mode)
    require_account(command.account)
    require_customer(command.customer)
    mode, account, customer = command.mode, command.account, command.customer
    if isinstance(command, LinkOrganization):
        require_org(command.org)
        if link == command.org:
            return ()
        return (OrganizationLinked(mode=mode, account=account, customer=customer, org=command.org),)
    if link is None:
        raise Refused(f"no operator linked {customer} to an organization", code="not_linked")
    return (OrganizationUnlinked(mode=mode, account=account, customer=customer),)


LINKS: Decider[Command, Link] = Decider(None, evolve, decide)


def _stream(command: Command) -> str:
    return link_stream(command.mode, command.account, command.customer)


def _about(command: Command) -> About:
    org = command.org if isinstance(command, LinkOrganization) else None
    return About(f"customer/{command.account}/{command.customer}", command.mode, command.account, org)


LINK_ORGANIZATION = Act("link_organization", LinkOrganization, LINKS, _stream, _about)
UNLINK_ORGANIZATION = Act("unlink_organization", UnlinkOrganization, LINKS, _stream, _about)
