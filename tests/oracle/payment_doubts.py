"""Why nobody may say yet that the balance agrees with a payment: every amount looked for among what was booked."""

from typing import Any

Row = dict[str, Any]


def doubts_of(
    charges: list[Row],
    attempts: list[Row],
    refunds: list[Row],
    disputes: list[Row],
    moved: list[Row],
    currency: str,
    received: int,
) -> str | None:
    """Why nobody may say yet that the balance agrees; None when it does."""
    there = {(m["source"], m["id"]) for m in moved}
    sums: dict[str, int] = {}
    foreign = {m["source"] for m in moved if m["currency"] != currency}
    for m in moved:
        sums[m["source"]] = sums.get(m["source"], 0) + m["amount_minor"]
    wanted = [
        (a["charge"], a["balance_transaction"], {a["captured_minor"]}) for a in attempts if a["status"] != "pending"
    ]
    for r in refunds:
        if r["id"] and not r["released"]:
            out = {"succeeded": {1}, None: {1}, "pending": {0, 1}, "requires_action": {0, 1}}.get(r["status"], {0})
            wanted.append((r["id"], r["balance_transaction"], {-r["amount_minor"] * n for n in out}))
    absent = {name for source, name, _ in wanted if name is not None and (source, name) not in there}
    unnamed = [w for w in wanted if w[1] is None or (w[0], w[1]) in there]
    absent |= {f"of {source}" for source, _, may in unnamed if source not in sums and 0 not in may}
    wrong = {s for s, _, may in unnamed if s in sums and s not in foreign and sums[s] not in may}
    for d in disputes:
        absent |= {name for name in d["named"] if (d["id"], name) not in there}
        if d["status"] == "lost" and d["id"] not in sums and not d["named"]:
            absent.add(f"of {d['id']}")
    heard_of = {a["charge"] for a in attempts} | {r["id"] for r in refunds} | {d["id"] for d in disputes}
    silent = received > sum(a["captured_minor"] for a in attempts) or bool(set(sums) - heard_of)
    said = ["a charge has not arrived"] if silent else []
    beyond = sum(r["amount_minor"] for r in refunds if r["id"] is None and not r["released"])
    said += [f"refunds of {beyond} have not arrived"] if beyond else []
    known = {d["id"] for d in disputes}
    by_id = sorted(charges, key=lambda c: c["id"])
    said += [f"{c['dispute']} has not arrived" for c in by_id if c["dispute"] and c["dispute"] not in known]
    said += [f"balance transactions have not arrived: {', '.join(sorted(absent))}"] if absent else []
    said += [f"the balance says otherwise of {', '.join(sorted(wrong))}"] if wrong else []
    said += [f"{d['id']} is in another currency" for d in disputes if d["currency"] != currency]
    said += ["balance transactions are in several currencies"] if len({m["currency"] for m in moved}) > 1 else []
    return "; ".join(said) or None
