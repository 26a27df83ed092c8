"""What somebody has typed into a form, read as the API reads a body, with what is wrong of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends, Request
from pydantic import ValidationError

from api.http.answers import field_error
from api.http.problems import FieldError, Malformed
from api.http.schemas import Body, parse_uuid

Wish = TypeVar("Wish", bound=Body)

Fields = Mapping[str, Sequence[str]]
"""By the names that the API has for them; one may be given several times."""

MOST_TOLD = 20


@dataclass(eq=False)
class NotTaken(Exception):
    """The form is no body of the API."""

    faults: tuple[FieldError, ...]


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The form of a page that could not be taken: what was typed, and what is wrong with it."""

    form: str = ""
    fields: Fields = field(default_factory=dict)
    faults: tuple[FieldError, ...] = ()

    def typed(self, form: str, name: str) -> str | None:
        """Null where this is another form, or the field was not sent."""
        values = self.fields.get(name) if form == self.form else None
        return values[-1] if values else None

    def chosen(self, form: str, name: str) -> Sequence[str] | None:
        """All that were ticked."""
        return self.fields.get(name, ()) if form == self.form else None

    def fault(self, form: str, name: str) -> str | None:
        """What the API says of the field."""
        if form != self.form:
            return None
        return next((each.message for each in self.faults if each.field == name), None)


NOTHING_SENT = Sent()


async def _typed(request: Request) -> Fields:
    form = await request.form()
    return {name: [str(each) for each in form.getlist(name)] for name in form}


Typed = Annotated[Fields, Depends(_typed)]


def body_of(
    model: type[Wish],
    fields: Fields,
    *,
    lists: Collection[str] = (),
    may_be_blank: Collection[str] = (),
    **known: object,
) -> Wish:
    """The body that the form stands for; raises `NotTaken`.

    What is left blank is left out; `known` is what the page itself knows.
    """
    names = {info.alias or name for name, info in model.model_fields.items()} - known.keys()
    given: dict[str, object] = {}
    for name in names:
        values = fields.get(name, ())
        if name in lists:
            given[name] = list(values)
        elif values and (values[-1].strip() or name in may_be_blank):
            given[name] = values[-1]
    return taken(model, given | known)


def taken(model: type[Wish], given: Mapping[str, object]) -> Wish:
    """Text becomes what the API would be sent; raises `NotTaken`."""
    try:
        return model.model_validate(given, strict=False)
    except ValidationError as wrong:
        faults = wrong.errors()[:MOST_TOLD]
        raise NotTaken(
            tuple(field_error({**each, "loc": ("body", *each["loc"])}) for each in faults)
        ) from None


def id_in(fields: Fields, name: str) -> UUID | None:
    """What was chosen of a list; null where nothing was."""
    chosen = next(iter(fields.get(name, ())), "")
    if not chosen:
        return None
    try:
        return parse_uuid(chosen)
    except ValueError as wrong:
        raise Malformed(name, str(wrong)) from None
