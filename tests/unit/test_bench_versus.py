"""What a comparison of two checkouts prints."""

from bench.figures import Turn
from bench.versus import summary


def turn(engine: str, *, number: int, held: float, bookings: int, reads: int = 0) -> Turn:
    return Turn(
        engine=engine,
        round=number,
        users=8,
        seconds=2,
        held_ms=[held] * bookings,
        confirmed_ms=[1.0] * bookings,
        confirmed=["a visit"] * bookings,
        reads={200: reads} if reads else {},
        reading_seconds=2,
    )


def test_medians_stand_beside_the_ratios_of_each_round() -> None:
    turns = [
        turn("product", number=1, held=10, bookings=40),
        turn("other", number=1, held=20, bookings=20),
        turn("other", number=2, held=10, bookings=30),
        turn("product", number=2, held=20, bookings=60),
        turn("product", number=3, held=30, bookings=90),
        turn("other", number=3, held=30, bookings=90),
    ]

    said = "\n".join(summary(turns))

    assert "product    8 users  rate 30.0" in said
    assert "other      8 users  rate 15.0" in said
    assert "rate 2.00 (2.00 2.00 1.00)" in said
    assert "held_p50 1.00 (0.50 2.00 1.00)" in said


def test_reads_beside_the_bookings_are_compared_too() -> None:
    turns = [
        turn("product", number=1, held=10, bookings=1, reads=300),
        turn("other", number=1, held=10, bookings=1, reads=200),
    ]

    assert "read_rate 1.50 (1.50)" in "\n".join(summary(turns))
