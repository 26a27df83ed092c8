"""Sets of time: what several spans cover, and what is left of them."""

from collections.abc import Iterable

from domain.slot import Interval


def joined(spans: Iterable[Interval]) -> list[Interval]:
    """The same time in order, as few spans; those that touch are one."""
    found: list[Interval] = []
    for span in sorted(spans, key=lambda each: each.starts_at):
        if found and span.starts_at <= found[-1].ends_at:
            ends_at = max(found[-1].ends_at, span.ends_at)
            found[-1] = Interval(starts_at=found[-1].starts_at, ends_at=ends_at)
        else:
            found.append(Interval(starts_at=span.starts_at, ends_at=span.ends_at))
    return found


def without(spans: Iterable[Interval], cuts: Iterable[Interval]) -> list[Interval]:
    """What is left of each span, in order, where nothing of `cuts` is."""
    away = joined(cuts)
    left: list[Interval] = []
    for span in sorted(spans, key=lambda each: each.starts_at):
        begins = span.starts_at
        for cut in (each for each in away if each.overlaps(span)):
            if begins < cut.starts_at:
                left.append(Interval(starts_at=begins, ends_at=cut.starts_at))
            begins = max(begins, cut.ends_at)
        if begins < span.ends_at:
            left.append(Interval(starts_at=begins, ends_at=span.ends_at))
    return left
