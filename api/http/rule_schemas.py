"""A clinic's rules as JSON: ISO 8601 durations, null where there is no limit."""

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from api.http.schemas import Body, Text, example
from domain.clinic_rules import DEFAULT_REMINDERS, ClinicRules, rules_of
from domain.durations import parse_duration


def _is_duration(value: str) -> str:
    return parse_duration(value).written


Length = Annotated[
    str,
    AfterValidator(_is_duration),
    Field(max_length=40, json_schema_extra={"format": "duration", "examples": ["P1D"]}),
]
Count = Annotated[int, Field(ge=0, le=1000)]


class OffersBody(Body):
    """How times are offered to who waits for one."""

    lasts: Length | None = Field(None, description="how long an offer waits for its answer")


class SpecialtyRulesBody(Body):
    """What stands in the place of the clinic's rules; what is absent is as at the clinic."""

    book_notice: Length | None = None
    cancel_notice: Length | None = None
    move_notice: Length | None = None
    horizon: Length | None = None
    max_moves: Count | None = None


class RulesBody(Body):
    """What patients may do by themselves. Staff pass by giving a reason."""

    model_config = example(
        {
            "bookNotice": "PT2H",
            "cancelNotice": "P1D",
            "moveNotice": "P1D",
            "horizon": "P60D",
            "maxMoves": 2,
            "maxLivePerPatient": 3,
            "reminders": ["P3D", "P1D"],
            "noShowAfter": None,
            "maxNoShows": 3,
            "noShowsWithin": "P180D",
            "offers": {"lasts": "PT2H"},
            "specialties": {"surgery": {"bookNotice": "P2D", "maxMoves": None}},
        }
    )

    book_notice: Length | None = Field(None, description="how long ahead a time is booked at least")
    cancel_notice: Length | None = Field(None, description="how long ahead a visit is cancelled")
    move_notice: Length | None = Field(None, description="how long ahead a visit is moved")
    horizon: Length | None = Field(None, description="how far ahead a time is booked at most")
    max_moves: Count | None = Field(None, description="how often one visit is moved")
    max_live_per_patient: Count | None = Field(
        None, description="holds and visits ahead that one patient may have at the clinic"
    )
    reminders: Annotated[list[Length], Field(max_length=10)] | None = Field(
        None, description="how long before the visit each is sent; P3D and P1D if absent or null"
    )
    no_show_after: Length | None = Field(
        None, description="how long after its beginning a visit nobody came to is marked by itself"
    )
    no_shows_within: Length | None = Field(
        None, description="how long a missed visit counts, from its beginning on"
    )
    max_no_shows: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None,
        description="with so many missed visits that count, a patient books by reception alone",
    )
    offers: OffersBody | None = None
    specialties: Annotated[
        dict[Annotated[Text, Field(min_length=1, max_length=100)], SpecialtyRulesBody],
        Field(max_length=100),
    ] = Field(
        default_factory=dict,
        description="what a specialty has in the place of the clinic's own; null is no limit there",
    )

    @field_validator("max_no_shows")
    @classmethod
    def _ends(cls, value: int | None, known: ValidationInfo) -> int | None:
        """A rule that never ends by itself is none that a patient could wait for."""
        if value is not None and known.data.get("no_shows_within") is None:
            raise ValueError("needs noShowsWithin: how long a missed visit counts")
        return value

    def rules(self) -> ClinicRules:
        kept = self.model_dump(by_alias=True)
        kept["specialties"] = {
            name: given
            for name, own in self.specialties.items()
            if (given := own.model_dump(by_alias=True, exclude_unset=True))
        }
        return rules_of(kept | {"reminders": kept["reminders"] or _default(self.reminders)})


def _default(given: list[str] | None) -> list[str]:
    """An empty list sends none."""
    return list(DEFAULT_REMINDERS) if given is None else given
