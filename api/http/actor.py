"""Who calls, and whether he may: every route states its permission, or the API does not start."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.requests import HTTPConnection

from adapters.postgres.seeing import Sees
from api.http.limits import Limits
from api.http.problems import Problem
from domain.actors import ANYONE, Actor
from domain.errors import Refused
from domain.permissions import Action, Allowed, Forbidden, Visible, Whose, may, may_ever, visible

CALLER = "priyom.caller"
"""In the scope of a request: who was let in, and for what."""

GOOD_UNTIL = "priyom.good_until"
"""In the scope of a request: when the token ends that it was sent with, in Unix time."""


class Callers(Protocol):
    """Knows callers by what their requests carry."""

    async def actor_of(self, connection: HTTPConnection) -> Actor:
        """Raises a problem for those who are nobody."""

    def forget_accounts(self) -> None:
        """To be called by whoever has changed what somebody is here."""


class SignInOff:
    """Believes everybody."""

    async def actor_of(self, connection: HTTPConnection) -> Actor:
        _ = connection
        return ANYONE

    def forget_accounts(self) -> None:
        """There are none."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who calls, after his role was found to be one that may do this at all."""

    actor: Actor
    action: Action

    def check(self, whose: Whose, *, hidden: type[Refused]) -> Actor:
        """The actor, in the role that lets him; `hidden` where it is somebody else's."""
        return check(self.actor, self.action, whose, hidden=hidden)

    @property
    def sees(self) -> Visible:
        """Which rows of a list."""
        return visible(self.actor, self.action)

    @property
    def sees_patients(self) -> Sees:
        """Whose records and names."""
        return sees_patients(self.actor)


def sees_patients(actor: Actor) -> Sees:
    """Whose records and names an actor may read, as the database is told of it."""
    return Sees.as_visible(visible(actor, Action.READ_PATIENT))


def check(actor: Actor, action: Action, whose: Whose, *, hidden: type[Refused]) -> Actor:
    """The actor, in the role that lets him; raises 403, or `hidden` where it is another's."""
    match may(actor, action, whose):
        case Allowed(role=role):
            return actor.acting_as(role)
        case Forbidden():
            raise forbidden()
        case _:
            raise hidden


class Permission:
    """A dependency that lets those in whose role may ever do it; the rest depends on the thing."""

    def __init__(self, action: Action) -> None:
        self.action = action

    async def __call__(self, request: Request) -> Caller:
        known = request.scope.get(CALLER)
        if isinstance(known, Caller) and known.action is self.action:
            return known
        callers: Callers = request.app.state.services.callers
        actor = await callers.actor_of(request)
        limits: Limits | None = request.app.state.services.limits
        if limits is not None:
            await limits.count(request, actor)
        if not may_ever(actor, self.action):
            raise forbidden()
        caller = Caller(actor=actor, action=self.action)
        request.scope[CALLER] = caller
        return caller


class ForAnybody(Permission):
    """A dependency that asks nobody who he is. Most are counted: by address, or by their token."""

    def __init__(self, *, counted: bool) -> None:
        super().__init__(Action.LOOK_AROUND)
        self._counted = counted

    async def __call__(self, request: Request) -> Caller:
        if self._counted and (limits := request.app.state.services.limits) is not None:
            await count_anybody(limits, request.app.state.services.callers, request)
        return Caller(actor=ANYONE, action=self.action)


async def count_anybody(limits: Limits, callers: Callers, connection: HTTPConnection) -> None:
    """Whoever says who he is, is counted as that; a bad token is no better than none here."""
    actor = None
    if "authorization" in connection.headers or "cookie" in connection.headers:
        with suppress(Problem):
            actor = await callers.actor_of(connection)
    await limits.count(connection, actor)


FOR_ANYBODY = Depends(ForAnybody(counted=True))
"""For `dependencies` of a router or route that is open to whoever asks."""

FOR_ANYBODY_FREELY = Depends(ForAnybody(counted=False))
"""The same for what costs nothing, and for machines that ask by the thousand."""

SelfCaller = Annotated[Caller, Depends(Permission(Action.SEE_SELF))]
Booker = Annotated[Caller, Depends(Permission(Action.BOOK))]
VisitChanger = Annotated[Caller, Depends(Permission(Action.CHANGE_VISIT))]
VisitExchanger = Annotated[Caller, Depends(Permission(Action.EXCHANGE_VISITS))]
VisitReader = Annotated[Caller, Depends(Permission(Action.READ_VISIT))]
VisitLister = Annotated[Caller, Depends(Permission(Action.LIST_VISITS))]
ConsentReader = Annotated[Caller, Depends(Permission(Action.READ_CONSENTS))]
PatientRegistrar = Annotated[Caller, Depends(Permission(Action.REGISTER_PATIENT))]
PatientFinder = Annotated[Caller, Depends(Permission(Action.FIND_PATIENTS))]
PatientReader = Annotated[Caller, Depends(Permission(Action.READ_PATIENT))]
PatientRemover = Annotated[Caller, Depends(Permission(Action.REMOVE_PATIENT))]
AuditReader = Annotated[Caller, Depends(Permission(Action.AUDIT))]
PatientChanger = Annotated[Caller, Depends(Permission(Action.CHANGE_PATIENT))]
NoticeReader = Annotated[Caller, Depends(Permission(Action.NOTICES))]
ClinicMaker = Annotated[Caller, Depends(Permission(Action.MAKE_CLINIC))]
ClinicChanger = Annotated[Caller, Depends(Permission(Action.CHANGE_CLINIC))]
ClinicReader = Annotated[Caller, Depends(Permission(Action.READ_CLINIC))]
ImportReader = Annotated[Caller, Depends(Permission(Action.READ_IMPORT))]
RulesReader = Annotated[Caller, Depends(Permission(Action.READ_RULES))]
RulesChanger = Annotated[Caller, Depends(Permission(Action.CHANGE_RULES))]
ExceptionAsker = Annotated[Caller, Depends(Permission(Action.ASK_EXCEPTION))]
CampaignReader = Annotated[Caller, Depends(Permission(Action.READ_CAMPAIGN))]
CampaignChanger = Annotated[Caller, Depends(Permission(Action.RUN_CAMPAIGN))]
AttendanceMarker = Annotated[Caller, Depends(Permission(Action.MARK_ATTENDANCE))]
DayReaderCaller = Annotated[Caller, Depends(Permission(Action.SEE_DAY))]
DeskCaller = Annotated[Caller, Depends(Permission(Action.SEE_DESK))]
HourCloser = Annotated[Caller, Depends(Permission(Action.CLOSE_HOURS))]
OperationsCaller = Annotated[Caller, Depends(Permission(Action.OPERATIONS))]
PayloadReader = Annotated[Caller, Depends(Permission(Action.READ_PAYLOADS))]
MetricsCaller = Annotated[Caller, Depends(Permission(Action.METRICS))]
"""Each names the permission of the routes that take it; a new one is one more line."""


def unauthenticated(detail: str = "Sign in, or send an access token.") -> Problem:
    return Problem(code="unauthenticated", detail=detail, headers={"www-authenticate": "Bearer"})


def forbidden() -> Problem:
    return Problem(code="forbidden", detail="Your role may not do this.")


class NoPermissionStated(Exception):
    """A route does not say who may call it."""


def permissions_of(app: FastAPI) -> Iterator[tuple[RouteContext, Action]]:
    """Every route with its permission; raises for a route that states none, or two."""
    for route in iter_route_contexts(app.routes):
        stated = {each.action for each in permissions_in(route.dependant)}
        if len(stated) != 1:
            raise NoPermissionStated(f"{route.path} states {len(stated)} permissions, not one")
        yield route, stated.pop()


def permissions_in(dependant: Dependant) -> Iterator[Permission]:
    """Those that a route takes, by itself or by what it depends on."""
    if isinstance(dependant.call, Permission):
        yield dependant.call
    for each in dependant.dependencies:
        yield from permissions_in(each)
