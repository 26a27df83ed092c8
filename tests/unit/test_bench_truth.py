"""When a run of the benchmark is void: an answer that rows or events do not bear out."""

from bench.figures import Turn
from bench.truth import wrong


def turn(engine: str, *confirmed: str, warmed: tuple[str, ...] = ()) -> Turn:
    return Turn(engine=engine, round=1, users=1, confirmed=list(confirmed), warmed=list(warmed))


def test_a_run_stands_when_every_answer_has_its_row_and_its_event() -> None:
    turns = [turn("product", "a", warmed=("b",)), turn("plain", "c")]

    assert (
        wrong(
            turns,
            rows={"product": {"a", "b", "unanswered"}, "plain": {"c"}},
            overlaps={"product": 0, "plain": 0},
            events={"a", "b", "c", "unanswered"},
        )
        == []
    )


def test_a_confirmed_answer_without_a_confirmed_row_voids_the_run() -> None:
    problems = wrong([turn("plain", "a", "b")], {"plain": {"a"}}, {"plain": 0}, {"a", "b"})

    assert problems == ["plain: 1 confirmed answers without a confirmed row"]


def test_a_row_of_another_engine_is_no_row() -> None:
    turns = [turn("product", "a"), turn("plain", "b")]
    rows = {"product": {"a", "b"}, "plain": {"a"}}

    problems = wrong(turns, rows, {"product": 0, "plain": 0}, {"a", "b"})

    assert problems == ["plain: 1 confirmed answers without a confirmed row"]


def test_the_warm_up_counts_for_the_truth() -> None:
    problems = wrong([turn("plain", warmed=("a",))], {"plain": set()}, {"plain": 0}, {"a"})

    assert problems == ["plain: 1 confirmed answers without a confirmed row"]


def test_a_confirmed_visit_without_an_event_voids_the_run() -> None:
    problems = wrong([turn("product", "a")], {"product": {"a"}}, {"product": 0}, set())

    assert problems == ["product: 1 confirmed visits without an event"]


def test_visits_that_overlap_void_the_run() -> None:
    problems = wrong([turn("product", "a")], {"product": {"a"}}, {"product": 2}, {"a"})

    assert problems == ["product: 2 pairs of visits overlap"]


def test_one_visit_confirmed_to_two_callers_voids_the_run() -> None:
    problems = wrong([turn("plain", "a", "a")], {"plain": {"a"}}, {"plain": 0}, {"a"})

    assert problems == ["plain: one visit was confirmed to two callers"]


def test_the_product_answers_for_its_turns_with_the_notifier_too() -> None:
    turns = [turn("product", "a"), turn("product+notifier", "b")]

    problems = wrong(turns, {"product": {"a"}}, {"product": 0}, {"a", "b"})

    assert problems == ["product: 1 confirmed answers without a confirmed row"]


def test_a_turn_without_a_booking_voids_the_run() -> None:
    idle = Turn(engine="plain", round=1, users=1, refused={"hold 500 internal": 20})

    problems = wrong([idle], {"plain": set()}, {"plain": 0}, set())

    assert problems == ["plain: a turn without a booking: {'hold 500 internal': 20}"]
