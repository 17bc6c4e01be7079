"""The guards that everything rests on, and for each the test that fails when it is taken out.

Each row says where the guard stands, what it looks like, and how the code reads without it.
`tests/test_guards.py` holds the table to the code; `tests/soak/test_guards_taken_out.py` takes each out, on a copy.
"""

from typing import NamedTuple


class Guard(NamedTuple):
    """One guard."""

    name: str
    file: str
    text: str
    """How it stands in the file, exactly once."""
    without: str
    """What stands there when it is taken out."""
    test: str
    """The test that fails then."""


GUARDS = (
    Guard(
        "the lock: commit order is position order",
        "ledger/migrations/0001_log.sql",
        "    PERFORM pg_advisory_xact_lock(x'5EC00002'::int);\n",
        "",
        "tests/test_log.py::test_a_tailing_reader_misses_nothing_under_concurrent_writers",
    ),
    Guard(
        "the unit check: all of a caller's unit or nothing",
        "ledger/migrations/0001_log.sql",
        "    WHERE losers IS NULL OR n.u <> ALL (losers)\n",
        "    WHERE NOT EXISTS (SELECT FROM ledger.events o"
        " WHERE o.originator_id = n.s AND o.originator_version = n.v)\n",
        "tests/test_log.py::test_a_unit_that_loses_leaves_nothing",
    ),
    Guard(
        "deduplication: a redelivery appends nothing",
        "ledger/inbox.py",
        "        if same_version and (key_is_lost or digest == new.metadata.digest):\n",
        "        if not digest:\n",
        "tests/test_inbox.py::test_a_redelivery_appends_nothing",
    ),
    Guard(
        "the order rule: never by arrival",
        "projections/ordering.py",
        "    kept.sort(key=lambda k: (-k.at_s, k.event_id, k.api_version, k.fetched))\n",
        "    kept.reverse()\n",
        "tests/test_order_rule.py::test_any_order_and_any_repetition_leave_the_same_state",
    ),
    Guard(
        "tracking in one transaction: rows and checkpoint move together",
        "replay/live.py",
        "        with conn.pipeline(), conn.transaction():\n            held =",
        "        with contextlib.nullcontext():\n            held =",
        "tests/test_engine.py::test_rows_and_checkpoint_move_in_one_transaction_or_not_at_all",
    ),
    Guard(
        "the signature check",
        "api/signature.py",
        "            if hmac.compare_digest(expected, signature) and found is None:\n",
        "            if found is None:\n",
        "tests/test_signature.py::test_a_signature_under_another_secret_is_refused",
    ),
    Guard(
        "the future-timestamp check",
        "api/signature.py",
        "    if -age_s > TOLERANCE_S:\n",
        "    if age_s is None:\n",
        "tests/test_signature.py::test_the_tolerance_holds_in_both_directions",
    ),
    Guard(
        "mode in a key of the log",
        "ledger/ids.py",
        '    return f"stripe/{mode}/{account}/{event_id}"\n',
        '    return f"stripe/test/{account}/{event_id}"\n',
        "tests/test_inbox.py::test_one_id_in_each_mode_and_account_is_that_many_events",
    ),
    Guard(
        "mode in a key to the API",
        "api/resources/lists.py",
        '    every = [Condition("t.mode = %s", (caller.mode,)), *source.visible(caller), *conditions]\n',
        '    every = [Condition("true"), *source.visible(caller), *conditions]\n',
        "tests/test_api_scope.py::test_a_list_holds_what_the_key_may_see_and_nothing_else",
    ),
    Guard(
        "sealing: nothing personal in the clear",
        "ledger/sealing.py",
        '            node[key] = self.token(f"{here}.{key}", value, hint)\n',
        "",
        "tests/test_sealing.py::test_no_personal_field_of_any_type_is_stored_in_the_clear",
    ),
    Guard(
        "a destroyed key is not made anew",
        "ledger/keys.py",
        '    " ON CONFLICT (subject) DO UPDATE SET wrapped_key = NULL, destroyed_at = now()"\n',
        '    " ON CONFLICT (subject) DO UPDATE SET wrapped_key = k.wrapped_key"\n',
        "tests/test_keys.py::test_a_destroyed_key_is_gone_for_everybody_at_once_and_for_ever",
    ),
    Guard(
        "an ambiguous commit meets itself",
        "ledger/store.py",
        "        return [appended or self._settle(conn, unit) for unit, appended in told]\n",
        "        return [appended or Conflict(()) for unit, appended in told]\n",
        "tests/test_inbox.py::test_an_acknowledgement_lost_after_the_commit_is_a_success_and_one_row",
    ),
    Guard(
        "a refold holds the checkpoint, as a leader's step does",
        "replay/refold.py",
        "        position, _ = derive.hold_checkpoint(conn, group, tables.LIVE)\n",
        "        position = 2**62\n",
        "tests/test_quarantine.py::test_nobody_else_holds_the_checkpoint_during_a_refold",
    ),
    Guard(
        "a refold tells the leader that what it remembers is old",
        "replay/refold.py",
        'checkpoints SET epoch = epoch + 1 WHERE name = %s", [group.name])\n',
        'checkpoints SET epoch = epoch WHERE name = %s", [group.name])\n',
        "tests/test_quarantine.py::test_a_released_key_is_whole_again_and_a_running_leader_takes_it_up",
    ),
    Guard(
        "what still cannot be read is not released",
        "commands/quarantine.py",
        "    if command.release and command.lacks is not None:\n",
        "    if command.release and command.lacks == '':\n",
        "tests/test_quarantine.py::test_an_event_that_still_cannot_be_read_is_refused_and_nothing_happens",
    ),
    Guard(
        "a deadline counts once, whoever looks and when",
        "commands/deadlines.py",
        "    stream = deadline_stream(due.kind, due.mode, due.key, due.at_s)\n",
        "    stream = deadline_stream(due.kind, due.mode, due.key, now_s)\n",
        "tests/test_deadlines.py::test_what_is_met_from_sixteen_threads_is_met_once",
    ),
    Guard(
        "a reaction is taken once, whatever dies",
        "commands/reactions.py",
        "    return append_once(journal, Receipt(stream, 1, taken), follows, metadata)\n",
        "    again = Receipt(stream, len(journal.read_stream(stream)) + 1, taken)\n"
        "    return append_once(journal, again, follows, metadata)\n",
        "tests/test_reactions.py::test_what_is_refused_leaves_the_receipt_alone",
    ),
    Guard(
        "what is in the log already is not sent again",
        "api/deliveries.py",
        "        if len(history) != due.version:",
        "        if len(history) < due.version:",
        "tests/test_deliveries.py::test_a_worker_whose_read_models_are_late_does_not_send_twice",
    ),
    Guard(
        "endpoints are in the public Internet",
        "api/posting.py",
        "        if not self._allow_private and not all(is_public(a) for a in found):\n",
        "        if not found:\n",
        "tests/test_deliveries.py::test_our_own_machine_is_refused_however_it_is_written",
    ),
    Guard(
        "many differences at once wait for an operator",
        "replay/reacting.py",
        "        if row[0] <= many:\n",
        "        if row[0] >= 0:\n",
        "tests/test_reactions.py::test_many_differences_at_once_wait_for_an_operator",
    ),
    Guard(
        "a check is closed where nobody can tell",
        "projections/entitlements_checks.py",
        '        return "fail_open" if now.get("fail_open") else "uncertain"\n',
        '        return "fail_open"\n',
        "tests/test_entitlements_schedule.py::test_what_may_be_out_of_date_is_denied_unless_the_plan_is_open",
    ),
    Guard(
        "an override is the only word while it holds",
        "projections/entitlements_schedule.py",
        "    speaking = overriding or [i for i, (_, by) in enumerate(words) if by not in HOLDS]\n",
        "    speaking = [i for i, (_, by) in enumerate(words) if by not in HOLDS]\n",
        "tests/test_entitlements_laws.py::"
        "test_any_order_of_events_between_acts_gives_one_state_and_that_is_the_oracles",
    ),
    Guard(
        "claims: an id of a cost event counts once, for ever",
        "ledger/migrations/0004_cost_claims.sql",
        "    IF claimed < cardinality(ids) THEN\n",
        "    IF claimed < 0 THEN\n",
        "tests/test_hosting_accruals.py::test_the_same_cost_event_again_is_a_success_and_another_with_its_id_a_refusal",
    ),
    Guard(
        "another cost event with a claimed id is refused",
        "ledger/claims.py",
        "    other = sorted(id for id, digest in rows if digest != wanted[id])\n",
        "    other = sorted(id for id, digest in rows if digest == '')\n",
        "tests/test_hosting_accruals.py::test_the_same_cost_event_again_is_a_success_and_another_with_its_id_a_refusal",
    ),
    Guard(
        "what is booked is not booked again",
        "api/hosting/accruing.py",
        "        yield name, list(differences(name, due, known.prices)), known.numbers, unpaid\n",
        "        yield name, list(differences(name, due, {})), known.numbers, unpaid\n",
        "tests/test_hosting_accruals.py::test_what_comes_late_is_an_adjustment_with_a_number",
    ),
    Guard(
        "a closed month's rates are frozen",
        "api/hosting/reading.py",
        "        if version <= frozen.get(card, version):\n",
        "        if version <= version + len(frozen):\n",
        "tests/test_hosting_months.py::test_a_closed_month_keeps_the_rates_that_it_was_closed_with",
    ),
    Guard(
        "a booking is in the invoices of one month",
        "api/hosting/closing.py",
        "AND (position > %(before)s OR day >= %(start)s)",
        "AND (position > 0 * %(before)s OR day >= %(start)s)",
        "tests/test_hosting_months.py::test_what_becomes_known_after_the_month_was_closed_is_in_the_next_ones_invoice",
    ),
    Guard(
        "what rounding leaves is carried over",
        "commands/hosting_invoices.py",
        "        closing=plain(EXACT.subtract(whole, Decimal(total))),\n",
        '        closing=plain(whole if total == 0 else Decimal("0")),\n',
        "tests/test_hosting_months.py::test_rounding_loses_nothing_however_many_months_and_lines",
    ),
    Guard(
        "a spending threshold counts once a month",
        "commands/spending_limits.py",
        "        if limit is not None and percent not in known and spent * 100 >= limit * percent:\n",
        "        if limit is not None and spent * 100 >= limit * percent:\n",
        "tests/test_hosting_months.py::test_each_threshold_is_told_once_a_month_and_again_in_the_next",
    ),
    Guard(
        "who proposed a cost policy does not approve it",
        "commands/cost_policies.py",
        "    if command.by == known.proposed.by:\n",
        "    if command.by is None:\n",
        "tests/test_cost_policies.py::test_nothing_holds_before_a_second_person_approves_it",
    ),
    Guard(
        "who reviewed a batch does not approve it",
        "commands/reconciliation_batches_approving.py",
        "    if command.by in batch.persons:\n",
        "    if command.by is None:\n",
        "tests/test_reconciliation_batches.py::test_who_took_part_in_a_review_does_not_approve_it",
    ),
    Guard(
        "a charge that some batch has is taken by no other",
        "commands/reconciliation_batches_deciding.py",
        "    lines = [line for key, line in new.items() if key not in taken]\n",
        "    lines = [line for key, line in new.items() if key]\n",
        "tests/test_passthrough_laws.py::test_no_charge_is_billed_twice_and_none_without_a_policy",
    ),
    Guard(
        "no cap is passed by what is billed in all batches together",
        "commands/reconciliation_batches_approving.py",
        "    _must_be_within_caps(terms, batches, batch)\n",
        "",
        "tests/test_reconciliation_batches.py::"
        "test_what_was_given_back_and_then_rejected_cannot_let_a_cap_be_passed",
    ),
    Guard(
        "a reservation is admitted within the cap",
        "commands/reservations_budget.py",
        "    if budget.settled + reserved + estimate > terms.cap_minor:\n",
        "    if budget.settled + estimate > terms.cap_minor:\n",
        "tests/test_reservations.py::test_of_32_concurrent_reservations_of_the_last_cent_one_is_admitted",
    ),
    Guard(
        "a reservation and its budget move in one unit",
        "commands/reservations_spending.py",
        "        unit += _budget_moves(books, command, before, after, events[-1], metadata)\n",
        "        books.append(*_budget_moves(books, command, before, after, events[-1], metadata))\n",
        "tests/test_reservations.py::test_of_32_concurrent_reservations_of_the_last_cent_one_is_admitted",
    ),
    Guard(
        "a provider's reference is claimed once for ever",
        "ledger/charge_claims.py",
        "                if conn.execute(_CLAIM, claim).rowcount < len(wanted):\n",
        "                if conn.execute(_CLAIM, claim).rowcount < 0:\n",
        "tests/test_provider_charges.py::test_of_sixteen_who_record_the_same_at_once_one_does",
    ),
    Guard(
        "a call to Stripe has one key",
        "api/calls/making.py",
        "            idempotency_key=call.requested.call_id,\n",
        '            idempotency_key=f"{call.requested.call_id}-{self._clock()}",\n',
        "tests/test_stripe_calls.py::test_over_any_schedule_of_faults_and_crashes_a_call_happens_once_or_never",
    ),
    Guard(
        "a call is not repeated when Stripe may have forgotten its key",
        "api/calls/making.py",
        "        if self._clock() >= until_s:\n            return Made(",
        "        if self._clock() >= until_s * 2:\n            return Made(",
        "tests/test_stripe_calls.py::test_after_23_hours_a_call_is_looked_up_and_not_repeated",
    ),
    Guard(
        "that a call never happened is said when no attempt can be under way",
        "api/calls/looking_up.py",
        " and now_s >= call.begun.at_s + SETTLED_S",
        " and now_s >= call.begun.at_s",
        "tests/test_stripe_calls.py::test_that_it_never_happened_is_said_when_no_attempt_can_be_under_way_any_more",
    ),
    Guard(
        "a failure that Stripe keeps under the key is not asked for again",
        "api/calls/verdict.py",
        'Lost("server_error") if reply.replayed else',
        'Lost("server_error") if reply.status < 500 else',
        "tests/test_stripe_calls.py::test_a_failure_that_stripe_keeps_under_the_key_is_looked_up_at_once",
    ),
    Guard(
        "an answer that Stripe repeats is no sight of the object",
        "api/calls/making.py",
        "        if not found.replayed and at_s is not None:\n",
        "        if at_s is not None:\n",
        "tests/test_stripe_calls.py::test_an_answer_that_stripe_repeats_is_no_sight_of_the_object_so_it_is_fetched",
    ),
    Guard(
        "a name is sealed before it is asked with",
        "commands/stripe_calls.py",
        '            if key in here and value not in (None, "") and not is_sealed(value):\n',
        '            if key in here and value == "" and not is_sealed(value):\n',
        "tests/test_stripe_calls.py::test_what_is_personal_and_not_sealed_is_not_asked",
    ),
    Guard(
        "a background request never stands before a live one",
        "api/calls/pace.py",
        " WHERE p.free_at <= clock_timestamp()",
        "",
        "tests/test_stripe_calls_worker.py::test_a_background_request_never_stands_before_a_live_one",
    ),
    Guard(
        "an organization becomes a customer once",
        "commands/customers.py",
        "    if customer.call_id != command.failed:",
        "    if customer.calls < 0:",
        "tests/test_stripe_customers.py::test_of_any_actions_at_once_one_asks_for_the_customer",
    ),
    Guard(
        "nobody forgets somebody else's payment method",
        "api/calls/billing.py",
        "    if customer not in theirs:\n",
        "    if not customer:\n",
        "tests/test_stripe_customers.py::test_nobody_touches_a_payment_method_of_somebody_else",
    ),
    Guard(
        "a checkout token is ours",
        "api/calls/tokens.py",
        "        if not hmac.compare_digest(mark, self._mark(said)) or",
        "        if not said or",
        "tests/test_stripe_checkout.py::test_no_token_can_be_altered",
    ),
    Guard(
        "a secret of an answer is never kept",
        "ledger/observing.py",
        "    for key in secret.intersection(node):\n",
        "    for key in secret.intersection(()):\n",
        "tests/test_observations.py::test_no_secret_of_an_answer_is_kept",
    ),
    Guard(
        "an answer that Stripe repeats has no time",
        "ledger/observing.py",
        '    if said.get("idempotent-replayed", "").lower() == "true":\n',
        '    if said.get("idempotent-replayed", "").lower() == "never":\n',
        "tests/test_observations.py::test_the_time_is_stripes_and_a_replayed_answer_has_none",
    ),
    Guard(
        "what was seen goes over an event of its second",
        "projections/ordering.py",
        "    group = tuple(i for i in group if kept[i].fetched) or group\n",
        "",
        "tests/test_observations.py::test_what_was_seen_goes_over_an_event_of_its_second_and_not_over_a_later_one",
    ),
    Guard(
        "a look that settles nothing is tried a bounded number of times",
        "replay/fetches_wanted.py",
        "        return None if self.looks >= MAX_LOOKS else",
        "        return None if self.looks < 0 else",
        "tests/test_fetches.py::test_an_answer_that_settles_nothing_does_not_loop",
    ),
    Guard(
        "what was seen is not looked at again before read models know it",
        "api/fetching.py",
        "        if now_s < self._not_before_s or self._is_behind():\n",
        "        if now_s < self._not_before_s:\n",
        "tests/test_fetches.py::test_what_was_seen_is_not_looked_at_again_before_read_models_know",
    ),
    Guard(
        "a listed event of the other mode is not kept",
        "api/reconciling_events.py",
        "        if opened.mode != self._reader.mode:\n",
        "        if not opened.mode:\n",
        "tests/test_reconcile.py::test_an_event_of_the_other_mode_and_what_is_no_event_are_counted_and_not_kept",
    ),
    Guard(
        "a difference is waited out before it counts",
        "api/reconciling_objects.py",
        "            if doubtful:\n",
        "            if doubtful is None:\n",
        "tests/test_reconcile.py::test_an_event_that_arrives_between_two_looks_is_no_difference",
    ),
    Guard(
        "a row that is newer than the look is right",
        "api/reconciling_objects.py",
        '            newer = ours is not None and ours["changed_s"] >= at_s\n',
        '            newer = ours is not None and ours["changed_s"] < 0\n',
        "tests/test_reconcile.py::test_a_row_that_is_newer_than_the_look_is_right",
    ),
    Guard(
        "one compares at a time",
        "api/reconciling.py",
        " or not try_to_lead(self._conn, self._name):\n",
        " or try_to_lead(self._conn, self._name) is None:\n",
        "tests/test_reconcile.py::test_whoever_compares_is_alone_and_lets_others_have_their_turn",
    ),
    Guard(
        "a service takes one step at a time",
        "projections/service_changes.py",
        "    to = worse[0] if worse else next(",
        "    to = worse[-1] if worse else next(",
        "tests/test_service_control.py::test_whoever_is_found_late_takes_every_stage_all_the_same",
    ),
    Guard(
        "no step is taken before its boundary",
        "projections/service_changes.py",
        "    segment = standing(state.schedule, passed_s)\n",
        "    segment = standing(state.schedule, 2**60)\n",
        "tests/test_service_control.py::"
        "test_after_three_failed_retries_a_service_goes_through_every_stage_at_its_boundary",
    ),
    Guard(
        "an acknowledgement of an earlier request does not count",
        "commands/enforcement.py",
        "    if asked.request != command.request:\n        raise",
        "    if not asked.request:\n        raise",
        "tests/test_service_control.py::test_an_acknowledgement_of_an_earlier_request_does_not_count",
    ),
    Guard(
        "a policy that only tells closes nothing",
        "projections/enforcements.py",
        "        if state.state in _CLOSED and state.enforced and state.scale_to_zero:\n",
        "        if state.state in _CLOSED and state.scale_to_zero:\n",
        "tests/test_service_control.py::test_a_policy_that_is_not_enforced_only_tells",
    ),
    Guard(
        "what is paid in advance is exempt from other debts",
        "projections/service_debts.py",
        "    return POSTPAID if model is not None and model not in IN_ADVANCE else f",
        "    return POSTPAID if model is not IN_ADVANCE else f",
        "tests/test_service_control.py::"
        "test_what_is_paid_in_advance_is_exempt_from_debts_of_what_is_paid_afterwards",
    ),
    Guard(
        "an attempt that may be under way has not failed",
        "projections/service_failures.py",
        "    return max(attempts, 1) if said_so else attempts - 1\n",
        "    return attempts\n",
        "tests/test_service_control.py::test_an_attempt_that_is_under_way_has_not_failed",
    ),
)
