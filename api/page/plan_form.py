"""A doctor's week as a form: some lines a day, each from when until when."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from itertools import zip_longest

from adapters.postgres.plan_rows import WrittenPlan
from api.http.plan_schemas import NewDraft, NewPlan
from api.http.problems import FieldError
from api.page.typed import Fields, NotTaken, taken

LINES_A_DAY = 2
WEEK = range(1, 8)
WORKDAYS = range(1, 6)


@dataclass(frozen=True, kw_only=True)
class Hours:
    """One line; one without times is left out. `fault` is what the API says of it."""

    weekday: str
    start: str = ""
    until: str = ""
    every_weeks: str = "1"
    fault: str | None = None

    @property
    def is_blank(self) -> bool:
        return not self.start and not self.until

    def body(self) -> dict[str, object]:
        return {
            "weekday": self.weekday,
            "from": self.start,
            "until": self.until,
            "everyWeeks": self.every_weeks or "1",
        }


@dataclass(frozen=True, kw_only=True)
class PlanForm:
    """What the form shows, or was sent with."""

    effective_from: str
    effective_until: str = ""
    version: str
    draft_version: str = "0"
    """Of the draft that is shown, 0 for none."""
    hours: tuple[Hours, ...]
    faults: tuple[FieldError, ...] = ()

    @property
    def kept(self) -> list[Hours]:
        return [each for each in self.hours if not each.is_blank]

    def of_day(self, weekday: int) -> list[Hours]:
        """What there is of a day, and room for one more."""
        lines = [each for each in self.kept if each.weekday == str(weekday)]
        room = max(1, LINES_A_DAY - len(lines))
        return [*lines, *[Hours(weekday=str(weekday))] * room]

    def fault(self, name: str) -> str | None:
        return next((each.message for each in self.faults if each.field == name), None)

    def wish(self, digest: str | None) -> NewPlan:
        """What is to be published; raises `NotTaken`."""
        return taken(NewPlan, self._week | {"version": self.version, "digest": digest})

    def draft(self) -> NewDraft:
        """What is to be kept as it is; raises `NotTaken`."""
        return taken(NewDraft, self._week | {"version": self.draft_version})

    @property
    def _week(self) -> dict[str, object]:
        return {
            "effectiveFrom": self.effective_from,
            "effectiveUntil": self.effective_until or None,
            "weekly": [each.body() for each in self.kept],
        }

    def marked(self, wrong: NotTaken) -> "PlanForm":
        """With each fault beside what it is about."""
        lines = self.kept
        for each in wrong.faults:
            name, _, rest = each.field.partition(".")
            if name == "weekly" and rest:
                place = int(rest.partition(".")[0])
                lines[place] = replace(lines[place], fault=each.message)
        return replace(self, hours=tuple(lines), faults=wrong.faults)


def form_of_typed(fields: Fields) -> PlanForm:
    columns = (fields.get(name, ()) for name in ("weekday", "from", "until", "everyWeeks"))
    lines = zip_longest(*columns, fillvalue="")
    return PlanForm(
        effective_from=_last(fields, "effectiveFrom"),
        effective_until=_last(fields, "effectiveUntil"),
        version=_last(fields, "version"),
        draft_version=_last(fields, "draftVersion") or "0",
        hours=tuple(
            Hours(weekday=weekday, start=start, until=until, every_weeks=every)
            for weekday, start, until, every in lines
        ),
    )


def form_of_plan(
    written: WrittenPlan, *, version: int, begins: date, draft_version: int = 0
) -> PlanForm:
    """To be changed from a date on; the same week."""
    until = written.plan.effective_until
    return PlanForm(
        effective_from=str(begins),
        effective_until=str(until) if until and until >= begins else "",
        version=str(version),
        draft_version=str(draft_version),
        hours=tuple(
            Hours(
                weekday=str(each.weekday),
                start=each.start.isoformat("minutes"),
                until=each.until.isoformat("minutes"),
                every_weeks=str(each.every_weeks),
            )
            for each in written.plan.weekly
        ),
    )


def suggested_form(begins: date) -> PlanForm:
    """For a doctor without a plan: usual hours, to be changed before they are saved."""
    return PlanForm(
        effective_from=str(begins),
        version="0",
        hours=tuple(_usual(WORKDAYS)),
    )


def _usual(days: Iterable[int]) -> Iterable[Hours]:
    for day in days:
        yield Hours(weekday=str(day), start="09:00", until="17:00")


def _last(fields: Fields, name: str) -> str:
    return next(reversed(fields.get(name, ())), "").strip()
