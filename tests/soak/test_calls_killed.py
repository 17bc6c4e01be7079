"""The long run of calls: two hundred workers killed in the middle of them, and each call made once."""

import multiprocessing
import os
import random
import secrets
import signal
import time
from contextlib import closing

import pytest
from stripe_fake import FAULTS, FakeStripe, serving
from test_engine import eventually
from test_stripe_calls_worker import Bench, _make_calls

ROUNDS = int(os.environ.get("RECOUNT_SOAK_CALL_KILLS", "200"))

pytestmark = [pytest.mark.soak, pytest.mark.postgres]


def test_two_hundred_kills_in_the_middle_of_calls_make_none_of_them_twice(database: str):
    seed = int(os.environ.get("RECOUNT_SOAK_SEED", secrets.randbelow(10**6)))
    chance = random.Random(seed)
    context = multiprocessing.get_context("spawn")
    stripe = FakeStripe()
    with serving(stripe) as base, closing(Bench(database, base, stripe)) as bench:
        stripe.clock = time.time
        stripe.delay_s = 0.01
        calls = []
        for number in range(ROUNDS):
            for each in range(3):
                id = f"call_{number:03d}_{each}"
                bench.ask(id, chance.choice(["payment_intents.create", "refunds.create"]), params={"amount": 1})
                calls.append(id)
            stripe.faults.extend(
                chance.choices(["", "", "", *(f for f in FAULTS if f not in ("401", "mismatch"))], k=2)
            )
            bench.here.project()
            process = context.Process(target=_make_calls, args=(database, base), daemon=True)
            process.start()
            assert process.pid is not None
            before = len(stripe.requests)
            eventually(lambda before=before: len(stripe.requests) > before, 10.0)
            time.sleep(chance.uniform(0, 0.06))
            os.kill(process.pid, signal.SIGKILL)
            process.join()
        bench.here.now_s = time.time()
        worker = bench.worker()
        assert eventually(worker.lead)
        for _ in range(400):
            bench.run(worker)
            bench.here.now_s += 300
            stripe.clock = bench.clock
            open_states = {s for s in bench.states().values() if s in ("waiting", "begun", "unknown")}
            if not open_states:
                break
        states = bench.states()
        assert set(states.values()) <= {"succeeded", "failed"}, f"seed {seed}"
        for id in calls:
            assert stripe.done[id] == (1 if states[id] == "succeeded" else 0), f"seed {seed}: {id} {states[id]}"
        assert len(stripe.objects) == sum(stripe.done.values())
