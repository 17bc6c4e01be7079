"""The reference page about read models: tables, columns, and what each is made of."""

from typing import Any

from ledger.translations import FAMILIES
from projections import GROUPS
from projections.base import Column, Derivation, Projection
from tests.docs import sources
from tests.docs.markdown import code, page, table

#: Model -> what a row is. A new model needs a line here.
MEANINGS = {
    "stripe_events": "The webhook ledger: one row for each Stripe event received, and what became of it.",
    "bookings_missing": "Bookings on a balance that an object names and that nobody has told us of yet.",
    "fetch_failures": "Looks at objects of Stripe's that showed nothing: how often, and what Stripe said.",
    "event_coverage": "From when to when each account's events are known to be whole, and what the last look found.",
    "object_comparisons": "The last comparison of each account's objects with what we believe of them.",
    "reconciliations": "Comparisons with Stripe that persons asked for, and what came of each.",
    "drift": "Objects of which we believe something else than Stripe says, until they agree again.",
    "observations": "Every time that an object of Stripe's was seen because we asked, and what became of that.",
    "customers": "Customers as Stripe last described them. Personal fields stay sealed.",
    "subscriptions": "Subscriptions as Stripe last described them: items, period, trial, pause, end, discounts.",
    "invoices": "Invoices as Stripe last described them: state, amounts, attempts, pages.",
    "products": "Products as Stripe last described them.",
    "prices": "Prices, and plans, which are the prices of old API versions.",
    "entitlement_summaries": "What Stripe's own entitlements say that a customer has. The id is the customer's.",
    "parked_acts": "What operators did about parked keys: the last act on each.",
    "overrides": "What operators grant or deny an organization, whatever it has bought: the last word on each feature.",
    "plans": "Plans: every version that was published, and what it says.",
    "plan_names": "By which prices, lookup keys and plan names each version of a plan is found.",
    "legacy_prices": "Prices of old that no plan names, and which plan each was said to be.",
    "plan_moves": "Where operators moved subscriptions, purchases and agreements: the last move of each.",
    "agreements": "Agreements without Stripe: who has which plan because an operator agreed to it.",
    "subscription_sales": "Which prices each subscription ever had together, and when that was seen first and last.",
    "price_lookup_keys": "Every lookup key that a price ever had: one may be taken from it and given to the next.",
    "plan_purchases": "What was bought once and paid: by which names its plan is found.",
    "plan_placements": "Which version of a plan each subscription, purchase and agreement has, and why.",
    "operator_links": "Links of customers to organizations that an operator made.",
    "catalog": "What is sold: one row a product, its prices with it.",
    "org_links": "The organization behind each customer, and every claim to it.",
    "organizations": "Who is billed: customers, accounts, subscriptions counted by status.",
    "entitlements": "What each organization may use: one row a feature, as a schedule of segments.",
    "credit_balances": "What is left of each customer's billing credits: by currency and grant, and until when.",
    "tax_profiles": "How each customer is taxed: exemption, country, tax ids, and what its newest invoice says.",
    "deadlines": "Due times that have not been met: the earliest of each kind and key.",
    "deadlines_met": "Due times that were met, or lapsed: each counts once.",
    "endpoints": "Endpoints that are told of what happens, removed ones included. Their secrets are in the key store.",
    "notices": "Notices that were raised: what endpoints are told.",
    "closed_differences": "What reactions that watch a derivation have done last about each of its keys.",
    "entitlement_changes": "Entitlements of which endpoints have not been told as they are now.",
    "delivery_attempts": "What became of each notice at each endpoint that it was sent to.",
    "deliveries": "What is to be sent to whom, and what became of it: one row a notice and endpoint.",
    "stripe_calls": "What was asked of Stripe, and what came of it: one row a call; unanswered ones are the queue.",
    "stripe_calls_stopped": "Whether Stripe refuses our key: there is a row while it does, and no call is made.",
    "stripe_made": "For which organization we made an object of Stripe's ourselves.",
    "issuance_steps": "What our own events say of each issuance: its step, its calls, what it waits for.",
    "issuances": "Our own lines on their way to one Stripe invoice, and how that invoice stands at Stripe.",
    "payment_failures": "How often payments of each invoice failed, and when each count was reached.",
    "service_policies": "Service policies in their newest version, and whether each is enforced or only told.",
    "service_steps": "The last step that each service of an organization took.",
    "service_words": "What operators said of each service: paused, suspended, cancelled, recovered, until when spared.",
    "debt_write_offs": "Unpaid invoices that operators wrote off: no service is closed for them.",
    "debts": "Unpaid invoices: what is left, how often payment failed, when retries were over, by which policy.",
    "service_states": "How each service of an organization stands, and the schedule of what should be.",
    "service_changes": "The next step of each service whose boundary has come.",
    "setup_words": "Which steps of setting up a purchase are approved, by whom, and on what.",
    "setups": "How far the setup of each purchase is whose plan has steps: nothing of it is live before the last one.",
    "enforcements": "What the deployment system was asked last about each environment, and whether it acknowledged.",
    "enforcement_changes": "Environments of which something else should be asked than was asked last.",
    "debt_alerts": "Debts of which nobody was told as they are now.",
    "cost_policies": "What of a category of provider costs may be passed through: one row a version.",
    "charge_records": "Provider charges as they were recorded: one row a record of up to five hundred.",
    "provider_charges": "What providers charged: under which policy each is billed, or why it is held.",
    "reservations": "What organizations asked to spend on providers, and what it cost then.",
    "pass_through_budgets": "What of a category is spent and reserved in a month, by organization and currency.",
    "batch_states": "Reconciliation batches as their own events left them; see `reconciliation_batches`.",
    "batch_chunks": "The charges of reconciliation batches as they were collected, up to a thousand together.",
    "reconciliation_batches": "What of a month's provider charges is to be invoiced: one row a batch.",
    "reconciliation_lines": "The charges in reconciliation batches, each with the last word on it.",
    "approvals": "Acts that wait for a second person, and those that were settled.",
    "audit_log": "Who did what, when, why, on whose approval: one row a receipt or a denied attempt.",
    "api_keys": "Keys to the API, revoked ones included. Of the key itself only a keyed digest is kept.",
    "balance_transactions": "What was booked on each account's balance: gross, fees, net, and when it may be paid out.",
    "payments": "One trail a payment: asked, received, refunded, lost, kept, pending, its attempts, what was booked.",
    "payment_intents": "Payment intents as Stripe last described them: what was asked of a payer, and how far it is.",
    "charges": "Charges as Stripe last described them: each attempt to take money, how, and what became of it.",
    "refunds": "Refunds as Stripe last described them.",
    "disputes": "Disputes as Stripe last described them, and what they moved on the balance.",
    "accounts": "Who sells: can it charge and be paid, and if not, what is missing. The platform itself is a row too.",
    "environments": "Environments: whose each is, from which instant on, what it is shared with, and its outages.",
    "placements": "In which environment each namespace and project is, from which instant on.",
    "rate_cards": "Every version of every rate card: what a unit of each resource costs.",
    "cost_events": "Batches of cost events: which namespaces and days each touches. What it holds stays in the log.",
    "accruals": "What each environment cost its owner on each UTC day: the accrual, and adjustments from 1 on.",
    "accruals_counted": "Up to where the log is accrued, for every day before another.",
    "hosting_months": "Months of hosting that are closed, with the rates that were frozen.",
    "hosting_closings": "What was fixed of each hosting invoice as its month was closed.",
    "hosting_invoices": "What each billing account owes for each closed month, and where its Stripe invoice is.",
    "batch_invoice_changes": "Reconciliation batches that are not where their invoices are.",
    "spending_limits": "What each organization wants to pay for hosting in a month, and how near it came.",
    "payouts": "Money that left for a bank account or card, under either of its names, beside what was booked for it.",
}
#: What a model says of which its family is all there is.
for _family in FAMILIES:
    MEANINGS.setdefault(_family.model, sources.first_sentence(_family.facts.__doc__))
#: (model, column) -> a note, where no facts type gives one.
_NOTES = {
    ("stripe_events", "state"): "`applied`, `stored_only`, `waiting`, `quarantined` or `conflict`",
    ("stripe_events", "reason"): "why it is not applied",
    ("stripe_events", "api_versions"): "the API versions that it came in",
    ("stripe_events", "conflicts"): "how often the id came again with other content",
    ("stripe_events", "handled"): "`released` or `dismissed` by an operator; null too after more came to the event",
    ("stripe_events", "handled_by"): "who did that",
    ("stripe_events", "handled_why"): "the reason that was given",
    ("overrides", "granted"): "false: it is denied",
    ("overrides", "limit"): "null: without a limit",
    ("overrides", "from_s"): "null: at once",
    ("overrides", "until_s"): "null: until it is ended; one that ran out keeps its row",
    ("overrides", "stream"): "of the event that said so; `version` in it",
    ("parked_acts", "item"): "what `recount quarantine list` calls it",
    ("parked_acts", "handled"): "`released` or `dismissed`",
    ("parked_acts", "fault"): "the kind of error that had parked it",
    ("bookings_missing", "source"): "the object that names the booking",
    ("bookings_missing", "since_s"): "when the object was changed last",
    ("fetch_failures", "status"): "of Stripe's last answer",
    ("fetch_failures", "code"): "Stripe's code of it, e.g. `resource_missing`",
    ("fetch_failures", "failures"): "how often",
    ("fetch_failures", "failed_s"): "when last",
    ("event_coverage", "covered"): "every span without a gap: `from_s` and, exclusive, `to_s`",
    ("event_coverage", "from_s"): "of the newest span",
    ("event_coverage", "to_s"): "of the newest span, exclusive",
    ("event_coverage", "listed"): "how many events Stripe listed at the last look",
    ("event_coverage", "held"): "how many of them the log had",
    ("event_coverage", "appended"): "how many of them it lacked, and now has",
    ("event_coverage", "unreadable"): "how many of them could not be kept",
    ("event_coverage", "appended_ever"): "how many were appended by all looks together",
    ("object_comparisons", "compared"): "how many objects, by type",
    ("object_comparisons", "found"): "how many differences, by kind",
    ("object_comparisons", "repaired"): "how many of them were mended by observing what Stripe holds",
    ("reconciliations", "what"): "`events` or `objects`",
    ("reconciliations", "state"): "`requested` or `done`",
    ("reconciliations", "accounts"): "of how many Stripe accounts",
    ("reconciliations", "refused"): "the accounts that Stripe did not show us",
    ("reconciliations", "differences"): "events that were lacking, or objects that did not agree",
    ("reconciliations", "mended"): "how many of them are in the log now",
    ("drift", "kind"): "`unpaid_but_active`, `paid_but_blocked`, `missing_here`, `missing_there` or `stale`",
    ("drift", "fields"): "what we hold and what Stripe says, as `[ours, theirs]`, by field",
    ("drift", "seen_s"): "when Stripe was asked, by its own clock",
    ("observations", "created_s"): "when Stripe answered, by its own clock",
    ("observations", "why"): "`call`, `fetch` or `reconcile`",
    ("observations", "state"): "`applied`, `stored_only` or `quarantined`",
    ("observations", "reason"): "why it is not applied",
    ("observations", "api_versions"): "the API versions that it was seen in",
    ("observations", "positions"): "where it stands in the log",
    ("stripe_events", "positions"): "where its renderings stand in the log",
    ("deadlines", "about"): "what is told when it is met",
    ("deadlines_met", "met_s"): "each due time that was met",
    ("endpoints", "types"): "only notices of these types; empty: of all",
    ("endpoints", "org"): "only notices about this organization; null: about all",
    ("notices", "endpoint"): "only for this endpoint; null: for all that listen to its type",
    ("closed_differences", "item"): "the key, as one text",
    ("closed_differences", "whose"): "the key's first part",
    ("closed_differences", "done"): "what has been done, in the words of the derivation",
    ("closed_differences", "closed"): "how many differences of the key were closed",
    ("closed_differences", "silent"): "true: nothing followed from the last one",
    ("payment_failures", "first_s"): "of each count from 1 on: the first second at which so many had failed",
    ("service_policies", "version"): "0: the one that is there before any is published",
    ("service_policies", "enforced"): "false: its steps are told, and nothing is done",
    ("service_steps", "by"): "`policy`; `operator`: recovered, and no step since",
    ("service_steps", "closed_s"): "since when it has been closed and enforced; null: it is open",
    ("service_words", "state"): "`paused`, `suspended` or `cancelled`; null: its policy's word counts",
    ("service_words", "extended_until_s"): "no debt closes it before",
    ("debts", "service"): "`postpaid`, or `account/subscription` of what is paid in advance",
    ("debts", "owed_minor"): "null: the invoice does not say",
    ("debts", "failed"): "payments that failed, by the invoice's own count",
    ("debts", "start_s"): "when retries were over, or will be; null: they are not",
    ("debts", "why"): "`retries`, `time`, `hard_decline`, `no_method` or `due`",
    ("debts", "fresh_s"): "partial payments and new payment methods that begin the stages anew",
    ("debts", "policy_version"): "0: the one that is there before any is published",
    ("debts", "anomalies"): "`unknown_amount`, `unknown_policy`, `unlinked`",
    ("service_states", "state"): "`active`, `past_due`, `grace`, `paused`, `suspended` or `cancelled`",
    ("service_states", "by"): "`policy` or `operator`; null: nothing was ever done",
    ("service_states", "schedule"): "`state`, `from_s`, `until_s`, `debt` each: what should be",
    ("service_states", "debts"): "each, with its policy and its own segments",
    ("service_states", "owed"): "currency to minor units",
    ("service_states", "said_s"): "when an operator last said anything of it",
    ("enforcements", "state"): "`asked`, `acknowledged` or `overdue`",
    ("enforcements", "attempt"): "1 is the first",
    ("enforcements", "first_s"): "when it was asked first; `asked_s`: last",
    ("entitlement_changes", "was"): "the segments that were told last; null: none were",
    ("entitlement_changes", "now"): "the segments as they are; null: the feature is gone",
    ("delivery_attempts", "attempts"): "since somebody asked for it last",
    ("delivery_attempts", "version"): "of the delivery's stream",
    ("deliveries", "state"): "`due`, `delivered` or `dead`",
    ("deliveries", "next_s"): "not before this is it tried; null: not at all",
    ("deliveries", "position"): "of the notice: the order in which those of an organization go out",
    ("plans", "id"): "the plan and the version: `pro@3`",
    ("plans", "definition"): "all of it; see plans",
    ("plans", "current"): "false: a later version was published",
    ("plans", "retired"): "true: the plan is sold no more; who has it keeps it",
    ("plans", "effective_us"): "since when the version is in force",
    ("plan_names", "name"): "a price's id, a lookup key, or `plan:` and the plan",
    ("plan_names", "lasts_months"): "how long what is bought once lasts; with `lasts_days`, both; neither: for ever",
    ("legacy_prices", "version"): "null: whichever was in force when it was sold",
    ("legacy_prices", "name"): "by which `plan_names` has the plan",
    ("agreements", "until_s"): "null: until it is ended",
    ("subscription_sales", "held"): "`prices`, `first_s`, `last_s` of each set of prices",
    ("price_lookup_keys", "since_s"): "the first second that each was seen",
    ("plan_purchases", "kind"): "`checkout` or `invoice`",
    ("plan_purchases", "names"): "prices, or `plan:` and the plan that the session's metadata names",
    ("plan_placements", "subscription"): "its id; or a checkout session's, an invoice's or an agreement's",
    ("plan_placements", "kind"): "`subscription`, `checkout`, `invoice` or `agreement`",
    ("plan_placements", "plan_id"): "the plan and the version, as `plans` has them under `id`",
    ("plan_placements", "why"): "`by` (`sale`, `legacy_price`, `move`, `agreement`), and who or what",
    ("plan_placements", "since_s"): "since when it is on this version: sold, moved or agreed",
    ("plan_placements", "from_s"): "of a purchase or an agreement; a subscription's schedule says for itself",
    ("plan_placements", "until_s"): "the same; null: for ever, or until it is ended",
    ("plan_placements", "refunded"): "nothing is left of the payment of a purchase",
    ("plan_placements", "also"): "other plans that its prices belong to: a fault of the catalogue",
    ("catalog", "known"): "false: a price names the product, which has not been seen itself",
    ("org_links", "org"): "null: nothing claims the customer",
    ("org_links", "claimed_by"): "`operator`, `customer` or `subscription`",
    ("org_links", "claims"): "every claim, the one that counts first",
    ("organizations", "subscriptions"): "how many, by status",
    ("entitlements", "segments"): "state, granted, limit, unlimited, from_s, until_s; see entitlements",
    ("entitlements", "sources"): "what grants it, or granted it",
    ("credit_balances", "balances"): "one a currency: sums, `grants` in the order of use, `segments` of what is usable",
    ("tax_profiles", "known"): "false: others name the customer, which has not been seen itself",
    ("tax_profiles", "tax_ids"): "`id`, `type`, `country`, `verification_status`; the numbers are in `tax_ids`",
    ("tax_profiles", "reverse_charge_expected"): "by its exemption, else its newest invoice; null: neither tells",
    ("cost_policies", "id"): "the category and the version: `inference@2`",
    ("cost_policies", "scope"): "organization and category, as one text",
    ("cost_policies", "status"): "`proposed`, `approved` (from `from_s` to `until_s`) or `rejected`",
    ("cost_policies", "cap_minor"): "of costs before markup, in a calendar month; null: explicitly none",
    ("cost_policies", "warn_percent"): "of the cap",
    ("cost_policies", "stop_rule"): "`notify`, `block_new` or `halt`",
    ("cost_policies", "markup_bps"): "in hundredths of a percent",
    ("charge_records", "scopes"): "organizations and categories in it, each as one text",
    ("charge_records", "charges"): "reference, organization, category, second, currency, cost, running sum, reservation",
    ("provider_charges", "cost_minor"): "exact, as text: minor units may have up to six decimals",
    ("provider_charges", "status"): "`held`, `matched`, `accepted`, `adjusted` or `rejected`",
    ("provider_charges", "held"): "why: `no_policy`, `outside_dates`, `other_currency` or `above_cap`",
    ("provider_charges", "billed_cost_minor"): "what is billed of it, before markup",
    ("reservations", "status"): "`open`, `settled`, `released` or `expired`",
    ("reservations", "cost_minor"): "what it was settled at",
    ("reservations", "charged_minor"): "what providers charged under it",
    ("reservations", "over_minor"): "by how much it cost more than was reserved",
    ("reservations", "late"): "it was settled after it had run out",
    ("pass_through_budgets", "settled_minor"): "what was spent, exact",
    ("pass_through_budgets", "recorded_minor"): "everything that providers charged, exact",
    ("pass_through_budgets", "holds"): "what is reserved, by when that ends; ended ones count no more",
    ("pass_through_budgets", "warned"): "of which thresholds somebody was warned",
    ("pass_through_budgets", "moves"): "how many events its stream has",
    ("batch_chunks", "lines"): "each charge, with the last word on it",
    ("reconciliation_batches", "batch"): "the month and a number: `2025-10.1`",
    ("reconciliation_batches", "statements"): "each provider's total beside what was recorded of it",
    ("reconciliation_batches", "lines"): "of the invoice: one a category and policy version",
    ("reconciliation_batches", "total_minor"): "what the lines sum to",
    ("reconciliation_batches", "fault"): "why it could not be issued",
    ("reconciliation_lines", "decision"): "`accept`, `adjust`, `reject` or `defer`; null: nobody decided",
    ("approvals", "mode"): "`both`: it concerns both",
    ("approvals", "state"): "`waiting`, `granted` or `rejected`",
    ("approvals", "input"): "what was asked for, to be decided when it is granted",
    ("approvals", "person"): "who asked for it",
    ("approvals", "settled_by"): "who granted or rejected it",
    ("audit_log", "mode"): "`both`: it concerns both",
    ("audit_log", "id"): "the stream of the receipt, or of the attempt",
    ("audit_log", "outcome"): "`done`, `unchanged`, `waiting` or `denied`",
    ("audit_log", "code"): "why it was denied",
    ("audit_log", "person"): "null: the key that was used names nobody",
    ("audit_log", "origin"): "`api` or `cli`",
    ("audit_log", "key_id"): "the key that was used",
    ("audit_log", "approval"): "that it asked for, granted or rejected",
    ("audit_log", "events"): "what was appended with it",
    ("api_keys", "digest"): "keyed HMAC-SHA256 of the key",
    ("payments", "payment"): "the payment intent, or the charge where there is none",
    ("payments", "status"): "how the asking stands: an intent's status, or `failed`",
    ("payments", "received_minor"): "what charges took, or what the intent says came in",
    ("payments", "refunded_minor"): "refunds that succeeded; not what was authorized and let go",
    ("payments", "lost_minor"): "what disputes took, less what they gave back",
    ("payments", "kept_minor"): "received, less refunded and lost; before fees",
    ("payments", "pending_minor"): "in process, authorized, or funded in part",
    ("payments", "disputed_minor"): "under disputes that are open, whether or not it is lost for now",
    ("payments", "fee_minor"): "of the balance transactions that arrived; null: none, or in several currencies",
    ("payments", "net_minor"): "what the balance changed by, as far as its transactions arrived",
    ("payments", "settlement_currency"): "of `fee_minor` and `net_minor`",
    ("payments", "application_fee_minor"): "of charges that succeeded, else as asked",
    ("payments", "available_on_s"): "when what was received can be paid out",
    ("payments", "attempts"): "its charges in order, each with what it took and let go",
    ("payments", "refunds"): "each; `released`: of money that was never taken; `id` null: not listed",
    ("payments", "disputes"): "each, with what it has cost so far",
    ("payments", "movements"): "its balance transactions that arrived",
    ("payments", "reconciled"): "whether its balance transactions all arrived and agree",
    ("payments", "reconciled_reason"): "why not",
    ("payouts", "paid_minor"): "`amount_minor` once it is paid, else 0; with the next two it adds up to the whole",
    ("payouts", "pending_minor"): "what is on its way",
    ("payouts", "returned_minor"): "what came back: failed or canceled",
    ("payouts", "fee_minor"): "of its bookings; null: none arrived",
    ("payouts", "reconciled"): "whether the balance went down by what is out; null: no booking arrived",
    ("payouts", "bookings"): "its balance transactions",
    ("accounts", "connected"): "false: the platform's own",
    ("accounts", "known"): "false: only its capabilities, banks or authorization were told of",
    ("accounts", "authorized"): "false: it took back its authorization; null: no word of it",
    ("accounts", "can_charge"): "not deauthorized, and charges are enabled; null: not known",
    ("accounts", "can_be_paid"): "not deauthorized, and payouts are enabled; null: not known",
    ("accounts", "blocked_by"): "`reason`, `detail` each: what stands in the way of either",
    ("accounts", "capabilities"): "capability to status, by whichever event is the last",
}
_ORDER_NOTES = {
    "changed_s": "the greatest second that anything was said about the object",
    "undecided": "true: a tie that nothing but event ids decides",
}


def read_models() -> str:
    """`read-models.md`."""
    parts = [
        "Every read model is a table in the PostgreSQL schema `read_models`. All of them can be made anew from the log"
        " (`recount replay rebuild`). A *projection* folds events; a *derivation* is made of rows of other models.",
        "Key columns are marked. Columns marked *sealed* hold personal fields as ciphertext tokens. The digest covers"
        " every column except those marked *not digested*. A projection's table has two more columns that belong to the"
        " engine: `folded` (the fold's own state) and `stale` (the key is parked).",
        "`_s` is whole seconds since 1970-01-01 UTC, `_us` microseconds, `_minor` minor units of the row's currency.",
    ]
    for group in GROUPS:
        names = ", ".join(f"[`{m.name}`](#{m.name})" for m in group.models)
        parts.append(f"Group **{group.name}**: {names}.")
    for group in GROUPS:
        for model in group.models:
            parts += _model(model)
    parts += [
        "## Bookkeeping",
        "Beside the models the schema holds the engine's own tables: `checkpoints` (how far each group has folded),"
        " `models` (which definition each table was built with), `parked` (keys whose definition raised), `dirty`"
        " (derivation keys that wait) and `spreading` (wide changes that are being expanded).",
    ]
    return page("Read models", *parts)


def _model(model: Projection | Derivation) -> list[str]:
    notes = _field_notes(model.name)
    if isinstance(model, Projection):
        kind = f"Projection, version {model.version}. Reads {', '.join(code(r) for r in model.reads)}."
    else:
        made_of = ", ".join(f"[`{i.model}`](#{i.model})" for i in model.inputs)
        kind = f"Derivation, version {model.version}. Made of {made_of}."
    rows = [
        (code(c.name), code(c.type), "key" if c.name in model.table.key else "", _note(model.name, c, notes))
        for c in model.table.columns
    ]
    return [f"## {model.name}", MEANINGS[model.name], kind, table(("column", "type", "", "note"), rows)]


def _note(model: str, column: Column, notes: dict[str, str]) -> str:
    said = _NOTES.get((model, column.name)) or notes.get(column.name) or ""
    if not said and column.name in _ORDER_NOTES:
        said = _ORDER_NOTES[column.name]
    marks = ["sealed"] if column.sealed else []
    if not column.digested and not column.sealed:
        marks.append("not digested")
    return "; ".join(x for x in (said.rstrip("."), *marks) if x)


def _field_notes(model: str) -> dict[str, str]:
    found: dict[str, Any] = {}
    for family in FAMILIES:
        if family.model == model:
            found |= sources.notes(family.facts)
    return found
