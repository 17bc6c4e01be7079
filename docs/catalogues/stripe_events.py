"""Sends a few Stripe events, signed as Stripe signs, so that the pages about plans have somebody who buys.

    python stripe_events.py price LOOKUP_KEY AMOUNT_MINOR [month|year|once]
    python stripe_events.py customer ORG
    python stripe_events.py subscription ORG LOOKUP_KEY...
    python stripe_events.py checkout ORG PLAN

To `WEBHOOKS`, with `STRIPE_WEBHOOK_SECRET`. An organization has one customer and one subscription here.
"""

import hashlib
import hmac
import json
import os
import sys
import time
import urllib.request


def price(lookup_key, amount_minor="1900", interval="month"):
    recurring = {"interval": interval, "interval_count": 1, "usage_type": "licensed"}
    once = interval == "once"
    return {
        "object": "price",
        "id": f"price_{lookup_key}",
        "product": "prod_of_the_pages",
        "active": True,
        "currency": "usd",
        "unit_amount": int(amount_minor),
        "unit_amount_decimal": amount_minor,
        "type": "one_time" if once else "recurring",
        "recurring": None if once else recurring,
        "lookup_key": lookup_key,
        "metadata": {},
        "created": now() - 60,
    }


def customer(org):
    return {"object": "customer", "id": f"cus_{org}", "metadata": {"org_id": org}, "created": now() - 30}


def subscription(org, *lookup_keys):
    period = {"current_period_start": now(), "current_period_end": now() + 30 * 86_400}
    items = [
        {"object": "subscription_item", "id": f"si_{k}", "quantity": 1, "price": price(k), "metadata": {}, **period}
        for k in lookup_keys
    ]
    return {
        "object": "subscription",
        "id": f"sub_{org}",
        "customer": f"cus_{org}",
        "status": "active",
        "currency": "usd",
        "items": {"object": "list", "data": items, "has_more": False},
        "cancel_at_period_end": False,
        "metadata": {},
        "start_date": now(),
        "created": now(),
    }


def checkout(org, plan):
    return {
        "object": "checkout.session",
        "id": f"cs_{org}",
        "mode": "payment",
        "status": "complete",
        "payment_status": "paid",
        "customer": f"cus_{org}",
        "payment_intent": f"pi_{org}",
        "currency": "usd",
        "amount_total": 49_000,
        "metadata": {"recount_plan": plan},
        "created": now(),
    }


def now():
    return int(time.time())


WHAT = {
    "price": ("price.created", price),
    "customer": ("customer.created", customer),
    "subscription": ("customer.subscription.created", subscription),
    "checkout": ("checkout.session.completed", checkout),
}


def send(kind, told):
    event = {
        "object": "event",
        "id": f"evt_{time.time_ns()}",
        "type": kind,
        "api_version": "2025-06-30.basil",
        "created": now(),
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "data": {"object": told},
    }
    body = json.dumps(event).encode()
    secret = os.environ["STRIPE_WEBHOOK_SECRET"].encode()
    signature = hmac.new(secret, f"{now()}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={now()},v1={signature}", "Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(os.environ["WEBHOOKS"], body, headers), timeout=10).close()


if __name__ == "__main__":
    kind, make = WHAT[sys.argv[1]]
    send(kind, make(*sys.argv[2:]))
