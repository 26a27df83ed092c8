"""What is broken of moves, attendance, leaves, rules, reminders and campaigns."""

from tests.mutations.mutation import Mutation

MOVES = "tests/integration/test_moves.py"
EXCHANGE = "tests/integration/test_exchange.py"
MOVING = "tests/integration/test_moving_desk.py"
RULES = "tests/integration/test_rules_of_the_database.py"
EAGER = "tests/workflows/test_eager_bookings.py"
CLOSING = "tests/integration/test_closing_shifts.py"
EXCEPTIONS = "tests/integration/test_exceptions.py"
OFFERS = "tests/integration/test_offers.py"
REMINDERS = "tests/integration/test_reminders.py"
OVERTAKEN = "tests/integration/test_overtaken_reminders.py"
REMINDED = "tests/workflows/test_remind_patient.py"
CAMPAIGNS = "tests/workflows/test_change_schedule.py"
ATTENDED = "tests/unit/test_attendance.py"
RULED = "tests/unit/test_clinic_rules.py"
RULED_API = "tests/integration/test_clinic_rules.py"
MISSED = "tests/unit/test_no_shows.py"
ABSENT = "tests/integration/test_no_shows.py"
PROXIES = "tests/integration/test_proxy_pages.py"
DUE = "tests/unit/test_reminders.py"
ASKED = "tests/unit/test_campaign.py"

MOVES_AND_MARKS = (
    Mutation(
        name="the move is not fenced by the version",
        file="adapters/postgres/move.py",
        at="MOVE",
        text="AND s.version = %(version)s",
        instead="AND %(version)s > 0",
        red=(f"{MOVES}::test_of_two_moves_of_one_version_the_second_finds_the_visit_changed",),
    ),
    Mutation(
        name="lapsed holds stand in the way of a move",
        file="adapters/postgres/move.py",
        at="MOVE",
        text="held_until <= clock_timestamp()",
        instead="false",
        red=(f"{MOVES}::test_lapsed_holds_make_way_for_a_move",),
    ),
    Mutation(
        name="a visit that has begun is moved",
        file="adapters/postgres/move.py",
        at="MOVE",
        text="\n      AND s.starts_at > clock_timestamp()",
        instead="\n     ",
        red=(f"{MOVES}::test_a_visit_that_has_begun_is_not_moved",),
    ),
    Mutation(
        name="an exchange looks at no version",
        file="adapters/postgres/exchange.py",
        at="_exchange",
        text="version=seen.version",
        instead='version=row["version"]',
        red=(f"{EXCHANGE}::test_neither_moves_where_one_may_not",),
    ),
    Mutation(
        name="an exchange leaves the mark of an overbooking where it was",
        file="adapters/postgres/exchange.py",
        at="_goes",
        text='to["overbook"]',
        instead='row["overbook"]',
        red=(
            f"{EXCHANGE}::test_who_comes_to_stand_on_top_of_another_visit_bears_the_mark_of_who_stood_there",
        ),
    ),
    Mutation(
        name="who makes way for an exchange names nobody",
        file="adapters/postgres/exchange.py",
        at="MAKE_WAY",
        text="CAST(CAST(%(first_id)s AS uuid) AS text)",
        instead="''",
        red=(f"{EXCHANGE}::test_each_version_has_one_line_in_the_history_and_one_move",),
    ),
    Mutation(
        name="whoever makes way may stay where they are",
        file="migrations/versions/0030_making_way.py",
        at="STATEMENTS",
        text="AND version = OLD.version)",
        instead="AND false)",
        red=(f"{RULES}::test_nobody_is_marked_unseen_by_saying_that_they_make_way",),
    ),
    Mutation(
        name="the change of any visit passes for that of who makes way",
        file="migrations/versions/0033_trail_kept.py",
        at="WITHOUT_A_GAP",
        text="IS DISTINCT FROM NEW.id::text",
        instead="IS NULL",
        red=(f"{RULES}::test_a_change_of_another_than_who_makes_way_is_counted",),
    ),
    Mutation(
        name="a move is refused though its run is under way",
        file="api/booking/move.py",
        at="Moves._hear_of_a_run_under_way",
        text="if not _stands_as_seen(order, await self._look(order)):",
        instead="if False:",
        red=(
            f"{MOVING}::test_a_run_that_nobody_has_heard_of_decides_before_a_slot_that_looks_taken",
            f"{MOVING}::test_a_run_that_ended_between_the_look_and_the_question_has_decided_as_well",
        ),
    ),
    Mutation(
        name="a key forgets what it was told after a try without an answer",
        file="api/booking/move.py",
        at="Moves._settled",
        text="            await self._keys.refuse(order, seen.visit, refusal)\n",
        instead="",
        red=(
            f"{MOVING}::test_a_key_whose_first_try_had_no_answer_keeps_the_refusal_that_it_is_told_then",
        ),
    ),
    Mutation(
        name="a start that goes on without its caller is not waited for",
        file="worker/eager_bookings.py",
        at="EagerBookings.has_begun",
        text="if starts:",
        instead="if False:",
        red=(f"{EAGER}::test_a_move_that_is_only_being_begun_is_waited_for",),
    ),
    Mutation(
        name="a patient arrives on any day",
        file="domain/attendance.py",
        at="can_be_marked",
        text=" and day_of(now, zone) >= day_of(starts_at, zone)",
        instead="",
        red=(f"{ATTENDED}::test_the_day_of_the_visit_is_the_clinic_s",),
    ),
    Mutation(
        name="an undo forgets the arrival",
        file="domain/attendance.py",
        at="_before",
        text="Status.ARRIVED if came else Status.CONFIRMED",
        instead="Status.CONFIRMED",
        red=(f"{ATTENDED}::test_a_visit_that_is_over_goes_back_to_the_arrival_that_was_marked",),
    ),
)

RULES_AND_REMINDERS = (
    Mutation(
        name="a specialty is ruled as the clinic is",
        file="domain/clinic_rules.py",
        at="rules_of",
        text="**specialties.get(specialty, {})",
        instead="**{}",
        red=(
            f"{RULED}::test_a_specialty_has_its_own_in_the_place_of_the_clinics_rules",
            f"{RULED_API}::test_a_specialty_is_booked_moved_and_cancelled_by_its_own_rules",
        ),
    ),
    Mutation(
        name="whoever gives a reason passes the rules",
        file="domain/clinic_rules.py",
        at="passes_rules",
        text="(by.role.is_staff or by.role is Role.OPERATOR)",
        instead="True",
        red=(f"{RULED}::test_staff_pass_with_a_reason",),
    ),
    Mutation(
        name="a visit is moved once too often",
        file="domain/clinic_rules.py",
        at="refuse_moving",
        text="visit.moves >= most",
        instead="visit.moves > most",
        red=(f"{RULED}::test_a_visit_is_cancelled_and_moved_in_time",),
    ),
    Mutation(
        name="a reminder knows no night",
        file="domain/reminders.py",
        at="due_at",
        text="if night is None:",
        instead="if True:",
        red=(
            f"{DUE}::test_what_falls_into_the_night_is_due_in_the_morning",
            f"{DUE}::test_what_the_morning_would_be_too_late_for_is_due_in_the_evening_before",
        ),
    ),
    Mutation(
        name="who has just booked is reminded",
        file="domain/reminders.py",
        at="due_at",
        text="due < earliest or due >= visit.starts_at",
        instead="due >= visit.starts_at",
        red=(f"{DUE}::test_nobody_is_reminded_within_two_hours_of_the_booking",),
    ),
    Mutation(
        name="a reminder that was overtaken unsent counts as sent",
        file="adapters/postgres/reminders.py",
        at="NEAR",
        text="'sent', 'delivered'",
        instead="'sent', 'delivered', 'superseded'",
        red=(
            f"{REMINDERS}::test_a_reminder_that_is_overtaken_unsent_is_found_for_the_visit_as_it_is",
        ),
    ),
    Mutation(
        name="a reminder by a channel that was declined counts for every later version",
        file="adapters/postgres/reminders.py",
        at="NEAR",
        text="'sent', 'delivered'",
        instead="'sent', 'delivered', 'declined'",
        red=(
            f"{OVERTAKEN}::test_who_has_a_phone_alone_is_reminded_though_the_visit_changed_meanwhile",
        ),
    ),
    Mutation(
        name="a reminder is told each time it is found",
        file="notifier/deliveries.py",
        at="Deliveries.remind",
        text="WorkflowIDReusePolicy.REJECT_DUPLICATE",
        instead="WorkflowIDReusePolicy.ALLOW_DUPLICATE",
        red=(f"{REMINDED}::test_a_reminder_is_told_once_however_often_it_is_found",),
    ),
)

LEAVES = (
    Mutation(
        name="time that closes takes holds",
        file="adapters/postgres/booking_facts.py",
        at="LOOK",
        text="\n        AND state = 'open') AS shifts",
        instead=") AS shifts",
        red=(f"{CLOSING}::test_a_closing_shift_takes_no_holds",),
    ),
    Mutation(
        name="what somebody has booked does not close but goes",
        file="adapters/postgres/closing.py",
        at="_less",
        text="[*has.closing, *parts_in(booked, taken)]",
        instead="has.closing",
        red=(f"{EXCEPTIONS}::test_with_the_digest_the_time_closes_and_what_is_empty_goes",),
    ),
    Mutation(
        name="a preview that is no longer true is applied",
        file="adapters/postgres/exceptions.py",
        at="make_exception",
        text="if order.digest is not None and order.digest != preview.digest:",
        instead="if False:",
        red=(f"{EXCEPTIONS}::test_a_preview_that_is_no_longer_true_is_refused",),
    ),
    Mutation(
        name="a paused campaign goes on asking",
        file="adapters/postgres/offers.py",
        at="_Seen",
        text=' and self.pace == "running"',
        instead="",
        red=(f"{OFFERS}::test_nobody_is_asked_while_a_campaign_is_paused_and_silence_waits",),
    ),
    Mutation(
        name="who declines is asked for ever",
        file="domain/campaign.py",
        at="after_a_refusal",
        text=" or order.round >= ROUNDS",
        instead="",
        red=(f"{ASKED}::test_who_declines_is_asked_again_while_there_is_time",),
    ),
    Mutation(
        name="the times that were declined are offered again",
        file="adapters/postgres/offers.py",
        at="_free",
        text=" if (each.doctor_id, each.starts_at) not in declined",
        instead="",
        red=(f"{OFFERS}::test_who_declines_is_offered_other_times_and_has_declined",),
    ),
    Mutation(
        name="an answer is not followed before the reminder is due",
        file="adapters/postgres/campaign_runs.py",
        at="ANSWERED",
        text="o.status <> 'held'",
        instead="false",
        red=(f"{OFFERS}::test_a_run_hears_once_that_its_offer_was_answered",),
    ),
    Mutation(
        name="a hint brings the reminder forward",
        file="workflows/reoffer_visit.py",
        at="ReofferVisit._answered",
        text="judged.reminds and not self._order.is_reminded",
        instead="not self._order.is_reminded",
        red=(f"{CAMPAIGNS}::test_a_hint_without_an_answer_brings_no_reminder_forward",),
    ),
)

MISSED_ONES_AND_PROXIES = (
    Mutation(
        name="what was missed counts for ever",
        file="domain/no_shows.py",
        at="missed",
        text=" if each > now",
        instead="",
        red=(f"{MISSED}::test_what_is_missed_counts_so_long_and_no_longer",),
    ),
    Mutation(
        name="a mark that was taken back goes on counting",
        file="adapters/postgres/booking_facts.py",
        at="LOOK",
        text=" AND status = 'no_show'",
        instead="",
        red=(
            f"{ABSENT}::test_the_database_refuses_after_so_many_and_an_undone_one_gives_back_what_it_counted",
        ),
    ),
    Mutation(
        name="a mark is kept twice",
        file="adapters/postgres/appeals.py",
        at="KEEP",
        text=" AND decided_at IS NULL",
        instead="",
        red=(
            f"{ABSENT}::test_a_patient_asks_to_look_again_and_reads_that_and_why_the_mark_is_kept",
        ),
    ),
    Mutation(
        name="who acts for another prolongs the own right",
        file="api/routes/proxies.py",
        at="_check_end",
        text=" or until > end",
        instead="",
        red=(f"{PROXIES}::test_the_api_refuses_an_end_that_is_past_and_one_beyond_ones_own",),
    ),
)

LIFE_OF_A_VISIT = (
    *MOVES_AND_MARKS,
    *RULES_AND_REMINDERS,
    *LEAVES,
    *MISSED_ONES_AND_PROXIES,
)
