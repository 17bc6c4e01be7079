"""How a connected account, its capabilities and the platform's application are rendered. Decides nothing."""

from replay.simulator.people import BY_CODE
from replay.simulator.timeline import Account, Object
from replay.simulator.versions import Shape

_NOTHING_WANTED: Object = {
    "alternatives": [],
    "current_deadline": None,
    "currently_due": [],
    "disabled_reason": None,
    "errors": [],
    "eventually_due": [],
    "past_due": [],
    "pending_verification": [],
}


def rendered_account(
    account: Account,
    shape: Shape,
    *,
    requirements: Object,
    capabilities: dict[str, bool],
    created_s: int,
    submitted: bool,
) -> Object:
    """The account in the shape of a version."""
    ready = (submitted and all(capabilities.values())) or requirements["disabled_reason"] is not None
    rendered: Object = {
        "id": account.id,
        "object": "account",
        "business_profile": {
            "annual_revenue": None,
            "estimated_worker_count": None,
            "mcc": "5734",
            "minority_owned_business_designation": None,
            "name": account.name,
            "product_description": None,
            "specified_commercial_transactions_act_url": None,
            "support_address": None,
            "support_email": None,
            "support_phone": None,
            "support_url": None,
            "url": "https://shop.example.com",
        },
        "business_type": "company",
        "capabilities": {name: "active" if active else "inactive" for name, active in capabilities.items()},
        "charges_enabled": ready and account.charges_enabled,
        "country": account.country,
        "created": created_s,
        "default_currency": BY_CODE[account.country].currency,
        "details_submitted": submitted,
        "email": f"seller@{account.token.lower()}.example.com",
        "external_accounts": {
            "object": "list",
            "data": [],
            "has_more": False,
            "total_count": 0,
            "url": f"/v1/accounts/{account.id}/external_accounts",
        },
        "future_requirements": _NOTHING_WANTED,
        "metadata": {},
        "payouts_enabled": ready and account.payouts_enabled,
        "requirements": requirements,
        "settings": _settings(account),
        "tos_acceptance": {"date": created_s},
        "type": "standard",
    }
    if not shape.requirements:
        _before_requirements(rendered)
    return rendered


def _settings(account: Account) -> Object:
    nothing = {"statement_descriptor_prefix_kana": None, "statement_descriptor_prefix_kanji": None}
    return {
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_payments": {"statement_descriptor_prefix": None, **nothing},
        "dashboard": {"display_name": account.name, "timezone": "Etc/UTC"},
        "payments": {
            "statement_descriptor": "SELLER EXAMPLE",
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
            **nothing,
        },
    }


def _before_requirements(rendered: Object) -> None:
    """Before 2019-02-19, what was wanted stood in `verification`, who sells in `legal_entity`."""
    requirements = rendered.pop("requirements")
    del rendered["future_requirements"], rendered["settings"]
    profile = rendered.pop("business_profile")
    rendered |= {"business_name": profile["name"], "business_url": profile["url"]}
    rendered["legal_entity"] = {"business_name": profile["name"], "type": rendered.pop("business_type")}
    rendered["verification"] = {
        "disabled_reason": "fields_needed" if requirements["disabled_reason"] else None,
        "due_by": requirements["current_deadline"],
        "fields_needed": requirements["currently_due"],
    }


def rendered_capability(account: Account, name: str, requested_s: int, wanted: Object, active: bool) -> Object:
    """One capability of an account; alike in all versions. Its id is the same in every account."""
    return {
        "id": name,
        "object": "capability",
        "account": account.id,
        "future_requirements": _NOTHING_WANTED,
        "requested": True,
        "requested_at": requested_s,
        "requirements": _NOTHING_WANTED if active else {**wanted, "errors": []},
        "status": "active" if active else "inactive",
    }


def rendered_bank(account: Account, currency: str) -> Object:
    """The bank account that an account is paid out to in a currency; alike in all versions."""
    token = f"{account.token}{currency}"
    return {
        "id": f"ba_1{token}",
        "object": "bank_account",
        "account": account.id or f"acct_1{account.token}",
        "account_holder_name": account.name,
        "account_holder_type": "company",
        "account_type": None,
        "available_payout_methods": ["standard"],
        "bank_name": "RECOUNT TEST BANK",
        "country": account.country,
        "currency": currency,
        "default_for_currency": True,
        "fingerprint": f"fp{token}",
        "future_requirements": _NOTHING_WANTED,
        "last4": f"{sum(map(ord, token)):04d}",
        "metadata": {},
        "requirements": _NOTHING_WANTED,
        "routing_number": None,
        "status": "new",
    }


def application(id: str) -> Object:
    """The platform, as connected accounts know it."""
    return {"id": id, "object": "application", "name": "Recount Example"}
