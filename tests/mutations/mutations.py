"""What is broken on purpose, one thing at a time, and the tests that must notice."""

from tests.mutations.answers_to_messages import ANSWERS_TO_MESSAGES
from tests.mutations.life_of_a_visit import LIFE_OF_A_VISIT
from tests.mutations.mutation import Mutation

RULES = "tests/integration/test_rules_of_the_database.py"
OVERBOOKING = "tests/integration/test_rules_of_overbooking.py"
SLOTS = "tests/integration/test_slots.py"
AUDIT = "tests/integration/test_audit_checks.py"
BOOK = "tests/workflows/test_book_appointment.py"
RARER = "tests/workflows/test_rarer_paths.py"
REPLAY = "tests/workflows/test_replay.py"
SAGA = "tests/unit/test_saga.py"
LOCALLY = "tests/workflows/test_announced_locally.py"
AT_ONCE = "tests/workflows/test_announced_at_once.py"
STEP = "tests/unit/test_announced_at_once.py"
EAGER = "tests/workflows/test_eager_bookings.py"
HEARD = "tests/unit/test_waiters.py"
DELIVER = "tests/workflows/test_deliver_notifications.py"
DAYS = "tests/integration/test_day_cache.py"
READER = "tests/unit/test_day_reader.py"
LOOKS = "tests/unit/test_batched_reads.py"
WRITTEN = "tests/unit/test_rendered_days.py"
EVENTS = "tests/unit/test_events_and_documents.py"
REPLAYS = "tests/unit/test_api_replays.py"
EDGE = "tests/unit/test_api_middleware.py"

THE_DATABASE = (
    Mutation(
        name="the doctor's exclusion constraint is dropped",
        file="migrations/versions/0006_further_life.py",
        at="SCHEDULES",
        text=""",
        DROP CONSTRAINT schedules_doctor_free,
        ADD CONSTRAINT schedules_doctor_free EXCLUDE USING gist (
            practitioner_id WITH =,
            occupies WITH &&,
            (CASE WHEN NOT overbook THEN visit_id END) WITH <>
        )
""",
        instead=", DROP CONSTRAINT schedules_doctor_free",
        red=(
            f"{RULES}::test_a_doctor_cannot_have_two_visits_that_overlap_by_a_minute",
            f"{RULES}::test_the_same_practitioner_at_another_desk_is_the_same_doctor",
        ),
    ),
    Mutation(
        name="the patient's exclusion constraint is dropped",
        file="migrations/versions/0001_clinic.py",
        at="STATEMENTS",
        text="""        CONSTRAINT schedules_patient_free EXCLUDE USING gist (
            patient_id WITH =, occupies WITH &&, visit_id WITH <>
        ),
""",
        instead="",
        red=(f"{RULES}::test_a_patient_cannot_be_at_two_doctors_at_once",),
    ),
    Mutation(
        name="an unmarked visit may come on top of a marked one",
        file="migrations/versions/0006_further_life.py",
        at="SCHEDULES",
        text="WHERE s.overbook AND",
        instead="WHERE false AND",
        red=(f"{OVERBOOKING}::test_an_unmarked_visit_cannot_come_on_top_of_a_marked_one[held]",),
    ),
    Mutation(
        name="a patient who has arrived frees the slot",
        file="migrations/versions/0006_further_life.py",
        at="SCHEDULES",
        text="status IN ('held', 'confirmed', 'arrived')",
        instead="status IN ('held', 'confirmed')",
        red=(f"{RULES}::test_a_patient_who_has_arrived_still_has_the_slot",),
    ),
    Mutation(
        name="a visit needs no shift",
        file="migrations/versions/0006_further_life.py",
        at="SCHEDULES",
        text="ALTER CONSTRAINT schedules_in_shift DEFERRABLE INITIALLY IMMEDIATE",
        instead="DROP CONSTRAINT schedules_in_shift",
        red=(
            f"{RULES}::test_a_visit_outside_every_shift_is_refused",
            f"{RULES}::test_a_shift_under_a_live_visit_cannot_vanish",
        ),
    ),
    Mutation(
        name="the hold deadline is ignored when a hold is confirmed",
        file="adapters/postgres/end.py",
        at="CONFIRM",
        text="\n  AND held_until + interval '{GRACE}' > clock_timestamp()",
        instead="",
        red=(f"{SLOTS}::test_a_hold_past_its_deadline_cannot_be_confirmed_whoever_wants_the_slot",),
    ),
    Mutation(
        name="the hold deadline is ignored when a slot is taken",
        file="adapters/postgres/take.py",
        at="TAKE_SLOT",
        text="held_until <= clock_timestamp()",
        instead="false",
        red=(
            f"{SLOTS}::test_a_lapsed_hold_stands_in_nobodys_way_and_cannot_be_confirmed",
            f"{SLOTS}::test_a_lapsed_hold_of_the_patient_makes_way_at_another_doctor",
        ),
    ),
    Mutation(
        name="the confirm is not conditional",
        file="adapters/postgres/end.py",
        at="CONFIRM",
        text="WHERE id = %(appointment_id)s AND status = 'held'",
        instead="WHERE id = %(appointment_id)s",
        red=(f"{SLOTS}::test_confirming_twice_confirms_once[real]",),
    ),
    Mutation(
        name="whether a hold is over is not asked of the database's clock",
        file="adapters/postgres/end.py",
        at="RELEASE",
        text="(NOT %(only_if_lapsed)s OR held_until <= clock_timestamp())",
        instead="(%(only_if_lapsed)s OR true)",
        red=(f"{SLOTS}::test_a_hold_lapses_when_the_database_says_so_and_not_before",),
    ),
    Mutation(
        name="the extension is not fenced by the version",
        file="adapters/postgres/take.py",
        at="EXTEND",
        text=" AND version = %(version)s",
        instead=" AND %(version)s > 0",
        red=(
            f"{SLOTS}::test_a_hold_is_extended_twice_and_only_by_the_version_that_was_seen[real]",
            f"{SLOTS}::test_an_extension_tried_again_finds_what_it_made[real]",
        ),
    ),
    Mutation(
        name="the cancellation is not fenced by the version",
        file="adapters/postgres/cancel.py",
        at="CANCEL",
        text=" AND version = %(version)s",
        instead=" AND %(version)s > 0",
        red=(
            f"{SLOTS}::test_a_visit_is_cancelled_once_and_only_in_the_version_that_was_seen[real]",
        ),
    ),
    Mutation(
        name="a release without a row leaves no tombstone",
        file="adapters/postgres/end.py",
        at="release_slot",
        text="            row = row or await connection.one_or_none(LEAVE_TOMBSTONE, parameters)\n",
        instead="",
        red=(f"{SLOTS}::test_a_late_hold_loses_to_the_release_that_came_before_it[real]",),
    ),
    Mutation(
        name="a serialization conflict is not tried again",
        file="adapters/postgres/transactions.py",
        at="_until_done",
        text="if attempt == MAX_ATTEMPTS:",
        instead="if True:",
        red=("tests/integration/test_serializable.py::test_a_conflict_is_tried_again",),
    ),
    Mutation(
        name="a changed row keeps its revision",
        file="migrations/versions/0033_trail_kept.py",
        at="WITHOUT_A_GAP",
        text="IF;\n            NEW.revision := greatest(OLD.revision + 1, new_revision());\n",
        instead="IF;\n",
        red=(f"{RULES}::test_every_change_of_a_row_takes_a_new_revision",),
    ),
)

THE_SAGA = (
    Mutation(
        name="the undo is skipped",
        file="workflows/saga.py",
        at="Saga._undo_all",
        text="await self._undos.pop()()",
        instead="self._undos.pop()",
        red=(
            f"{BOOK}::test_a_temporal_cancel_while_held_releases_the_slot",
            f"{BOOK}::test_a_hold_that_never_succeeds_is_given_up_and_undone",
        ),
    ),
    Mutation(
        name="the undo is noted after its step, not before",
        file="workflows/saga.py",
        at="Saga.step",
        text="""        self._undos.append(undo)
        try:
            return await do()
""",
        instead="""        try:
            done = await do()
            self._undos.append(undo)
            return done
""",
        red=(f"{BOOK}::test_a_hold_that_never_succeeds_is_given_up_and_undone",),
    ),
    Mutation(
        name="the saga is not shielded",
        file="workflows/saga.py",
        at="run_to_completion",
        text="await asyncio.shield(task)",
        instead="await task",
        red=(
            f"{BOOK}::test_a_temporal_cancel_while_announcing_loses_no_event",
            f"{REPLAY}::test_the_history_replays[stopped-while-announcing]",
        ),
    ),
    Mutation(
        name="a failed undo stops the others",
        file="workflows/saga.py",
        at="Saga._undo_all",
        text="failures.append(failure)",
        instead="raise UndoFailed([failure]) from failure",
        red=(f"{SAGA}::test_two_undos_that_fail_are_both_told",),
    ),
    Mutation(
        name="a timeout in the block undoes nothing",
        file="workflows/saga.py",
        at="FAILURES",
        text="(Refused, FailureError, TimeoutError)",
        instead="(Refused, FailureError)",
        red=(f"{SAGA}::test_a_wait_that_times_out_in_the_block_undoes_the_steps",),
    ),
    Mutation(
        name="the worker's clock decides that a hold is over",
        file="workflows/consent.py",
        at="Consent._lapse",
        text="only_if_lapsed=True",
        instead="only_if_lapsed=False",
        red=(f"{BOOK}::test_the_timer_only_asks_and_the_database_decides_that_a_hold_is_over",),
    ),
    Mutation(
        name="a step is tried locally and never as an activity",
        file="workflows/steps.py",
        at="_locally_first",
        text="""        tell_step(label, how="not at once, tried again")
""",
        instead="""        raise
""",
        red=(
            f"{RARER}::test_a_broken_database_delays_the_confirmation_and_loses_nothing",
            f"{REPLAY}::test_the_history_replays[confirm-retried]",
        ),
    ),
    Mutation(
        name="the order of two steps is changed under open bookings",
        file="workflows/tell_everybody.py",
        at="tell_everybody",
        text="[change_of(appointment), *([word_of(event)] if event else [])]",
        instead="[*([word_of(event)] if event else []), change_of(appointment)]",
        red=(
            f"{REPLAY}::test_the_history_replays[confirmed]",
            f"{REPLAY}::test_the_history_replays[cancelled-visit]",
        ),
    ),
)

WHAT_OTHERS_LEARN = (
    Mutation(
        name="the event id is random",
        file="domain/events.py",
        at="event_id",
        text='return uuid5(EVENTS, f"{appointment_id}:{version}:{kind}")',
        instead='return __import__("uuid").uuid4()',
        red=(
            f"{EVENTS}::test_an_event_repeats_its_id_and_has_another_for_another_version_or_type",
        ),
    ),
    Mutation(
        name="an announcement is tried once",
        file="workflows/tell_everybody.py",
        at="UNTIL_DONE",
        text="RetryPolicy(\n",
        instead="RetryPolicy(\n    maximum_attempts=1,\n",
        red=(f"{RARER}::test_announcements_are_repeated_until_both_are_made",),
    ),
    Mutation(
        name="the local try of an announcement is the only one",
        file="workflows/tell_everybody.py",
        at="announce",
        text="await asyncio.gather(*(each.make() for each in left))",
        instead="pass",
        red=(
            f"{LOCALLY}::test_with_kafka_away_the_event_goes_by_the_queue_and_is_published_once",
            f"{LOCALLY}::test_with_redis_away_the_change_goes_by_the_queue",
            f"{REPLAY}::test_the_history_replays[announced-without-either]",
        ),
    ),
    Mutation(
        name="a run announces what its step has announced",
        file="workflows/tell_everybody.py",
        at="tell_everybody",
        text="if announced is None:",
        instead="if announced is not False:",
        red=(
            f"{AT_ONCE}::test_a_visit_is_announced_once_by_the_step_that_confirms_it",
            f"{REPLAY}::test_the_history_replays[confirmed-at-once]",
        ),
    ),
    Mutation(
        name="a step says that it has announced what it could not",
        file="worker/announced_at_once.py",
        at="_AnnounceAtOnce._announced",
        text="return replace(confirmed, announced=False)",
        instead="return replace(confirmed, announced=True)",
        red=(
            f"{STEP}::test_what_cannot_be_announced_is_left_to_the_run",
            f"{AT_ONCE}::test_what_the_step_could_not_announce_goes_by_the_queue",
        ),
    ),
    Mutation(
        name="the patient waits for what is announced",
        file="worker/announced_at_once.py",
        at="answer_then_announce",
        text="[AnnounceAtOnce(waiters, announcements), NotifyWaiters(waiters)]",
        instead="[NotifyWaiters(waiters), AnnounceAtOnce(waiters, announcements)]",
        red=(f"{STEP}::test_who_waits_for_the_confirmation_is_told_before_anybody_else",),
    ),
    Mutation(
        name="a hold is answered before its row is written",
        file="worker/waiters.py",
        at="_NotifyWaiters._hold",
        text="        try:\n",
        instead="""        early = _refused(request, Refusal(code="none")).appointment
        self._waiters.tell(HOLD_SLOT, _done(request, early))
        try:
""",
        red=(
            f"{HEARD}::test_nobody_is_told_before_the_step_is_over",
            f"{EAGER}::test_what_the_step_answers_is_what_the_run_answers",
        ),
    ),
    Mutation(
        name="the cache is not validated",
        file="adapters/redis/cached_day.py",
        at="decoded",
        text="if version != current.version:",
        instead="if version != current.version and False:",
        red=(
            f"{READER}::test_no_order_of_many_readers_in_two_processes_shows_a_stale_day",
            f"{DAYS}::test_every_change_of_a_row_or_a_shift_is_seen_by_the_next_read",
        ),
    ),
    Mutation(
        name="a day that the process remembers is not validated",
        file="api/schedule/rendered_days.py",
        at="WrittenDay.is_so",
        text="self.version == version and",
        instead="",
        red=(f"{WRITTEN}::test_a_day_of_another_version_is_fetched",),
    ),
    Mutation(
        name="a day that the process remembers outlives a lapse",
        file="api/schedule/rendered_days.py",
        at="WrittenDay.is_so",
        text=" and self.since <= now < self.until",
        instead="",
        red=(f"{WRITTEN}::test_a_lapse_and_the_passing_of_time_need_no_new_version",),
    ),
    Mutation(
        name="a reader takes the answer of a look that began before it came",
        file="adapters/postgres/batched_reads.py",
        at="BatchedReads._look_once",
        text="asked = self._taken()",
        instead="asked = self._waiting",
        red=(f"{LOOKS}::test_who_comes_while_a_look_is_under_way_gets_the_answer_of_the_next",),
    ),
    Mutation(
        name="a delivered event is delivered again",
        file="notifier/deliveries.py",
        at="Deliveries.start",
        text="WorkflowIDReusePolicy.REJECT_DUPLICATE",
        instead="WorkflowIDReusePolicy.ALLOW_DUPLICATE",
        red=(f"{DELIVER}::test_an_event_is_delivered_once_however_often_it_comes",),
    ),
    Mutation(
        name="the auditor does not publish what is missing",
        file="activities/audit.py",
        at="Audit._publish",
        text="await self._publisher.publish(doubt.event)",
        instead="pass",
        red=(f"{AUDIT}::test_the_event_of_a_run_that_is_gone_is_published_once_with_its_own_id",),
    ),
    Mutation(
        name="the body of a repeated key is not compared",
        file="api/booking/idempotency.py",
        at="is_same_wish",
        text="return (wish.patient_id, wish.doctor_id, wish.starts_at, wish.service_id) == (",
        instead="return True or (",
        red=(f"{REPLAYS}::test_another_doctor_or_another_time_is_another_wish",),
    ),
    Mutation(
        name="the API waits as long as it takes",
        file="api/http/middleware.py",
        at="Deadline.__init__",
        text="self._patience = patience(seconds)",
        instead="self._patience = 1000 * seconds",
        red=(f"{EDGE}::test_no_answer_in_time_is_unavailable",),
    ),
)

MUTATIONS = (
    *THE_DATABASE,
    *THE_SAGA,
    *WHAT_OTHERS_LEARN,
    *LIFE_OF_A_VISIT,
    *ANSWERS_TO_MESSAGES,
)
