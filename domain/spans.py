"""Sets of time: what several spans cover, and what is left of them."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from itertools import islice, takewhile

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
    ends = [cut.ends_at for cut in away]
    left: list[Interval] = []
    for span in sorted(spans, key=lambda each: each.starts_at):
        begins = span.starts_at
        nth = bisect_right(ends, begins)
        while nth < len(away) and away[nth].starts_at < span.ends_at:
            if begins < away[nth].starts_at:
                left.append(Interval(starts_at=begins, ends_at=away[nth].starts_at))
            begins = away[nth].ends_at
            nth += 1
        if begins < span.ends_at:
            left.append(Interval(starts_at=begins, ends_at=span.ends_at))
    return left


def apart(spans: Iterable[Interval]) -> list[Interval]:
    """The same time, each moment once: of two that overlap the later loses what both have."""
    found: list[Interval] = []
    for span in sorted(spans, key=lambda each: each.starts_at):
        begins = max(span.starts_at, found[-1].ends_at) if found else span.starts_at
        if begins < span.ends_at:
            found.append(Interval(starts_at=begins, ends_at=span.ends_at))
    return found


def within(spans: Iterable[Interval], cover: Iterable[Interval]) -> set[Interval]:
    """Those of the spans that the cover has whole."""
    whole = joined(cover)
    starts = [each.starts_at for each in whole]
    found = set()
    for span in spans:
        nth = bisect_right(starts, span.starts_at) - 1
        if nth >= 0 and span.ends_at <= whole[nth].ends_at:
            found.add(span)
    return found


def in_place_of(gone: Iterable[Interval], added: Iterable[Interval]) -> dict[Interval, Interval]:
    """What comes by what goes there, where neither meets another; each side is apart.

    So they change one after the other, in any order, and no two overlap meanwhile.
    """
    olds = sorted(gone, key=lambda each: each.starts_at)
    met: list[tuple[Interval, Interval]] = []
    nth = 0
    for new in sorted(added, key=lambda each: each.starts_at):
        while nth < len(olds) and olds[nth].ends_at <= new.starts_at:
            nth += 1
        met += [(old, new) for old in takewhile(new.overlaps, islice(olds, nth, None))]
    times_old, times_new = Counter(old for old, _ in met), Counter(new for _, new in met)
    return {old: new for old, new in met if times_old[old] == times_new[new] == 1}
