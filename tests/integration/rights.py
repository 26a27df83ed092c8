"""Who may do what, written down once more: by the rows of the contract, not by the product's table.

A row has a cell for each role, and a cell a letter for each thing: the role's own one, that of a
patient it is proxy for, a stranger's of the same clinic, one of another clinic.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

ROLES = ("patient", "reception", "doctor", "manager", "operations")
RELATIONS = ("own", "proxied", "same clinic", "other clinic")

Row = tuple[str, str, str, str, str]
"""y: let in; n: answered as if there were no such thing; f: forbidden whatever the thing;
x: turned away in some way, as from a page of patients."""

NO = "ffff"

EVERYBODY: Row = ("yyyy",) * 5
ACT_FOR: Row = ("yynn", "nnnn", "nnnn", "nnnn", "nnnn")
READ_VISIT: Row = ("yynn", "yyyn", "ynnn", "yyyn", NO)
CHANGE_VISIT: Row = ("yynn", "yyyn", NO, "yyyn", NO)
HOLD: Row = ("yynn", "yyyf", NO, "yyyf", NO)
HOLD_ON_PAGE: Row = ("yyyy", "xxxx", NO, "xxxx", NO)
OWN_PAGE: Row = ("yynn", "xxxx", "xxxx", "xxxx", NO)
CHANGE_ON_PAGE: Row = ("yynn", "xxxx", NO, "xxxx", NO)
LISTS: Row = ("yynn", "yyyy", "yyyy", "yyyy", NO)
LIST_ON_PAGE: Row = ("yyyy", "xxxx", "xxxx", "xxxx", NO)
EXCHANGE: Row = (NO, "yyyn", NO, "yyyn", NO)
RECORD: Row = ("yynn", "yyyy", "ynnn", "yyyy", NO)
CHANGE_RECORD: Row = ("yynn", "yyyy", NO, "yyyy", NO)
REMOVE_RECORD: Row = (NO, NO, NO, "yyyy", NO)
REGISTER: Row = ("yyyy", "yyyy", NO, "yyyy", NO)
RECORD_ON_PAGE: Row = ("yyyy", "xxxx", NO, "xxxx", NO)
DESK: Row = (NO, "yyyy", NO, "yyyy", NO)
DESK_VISIT: Row = (NO, "yyyn", NO, "yyyn", NO)
DESK_BOOK: Row = (NO, "yyyf", NO, "yyyf", NO)
ATTENDANCE: Row = (NO, "yyyn", "ynnn", "yyyn", NO)
NOTICES: Row = (NO, "yyyn", "ynnn", "yyyn", NO)
DAY: Row = (NO, "yyyn", "ynnn", "yyyn", NO)
READ_DOCTOR: Row = (NO, "yyyf", "yfff", "yyyf", NO)
READ_CAMPAIGN: Row = (NO, "yyyn", "ynnn", "yyyn", NO)
READ_IMPORT: Row = (NO, "yyyn", "nnnn", "yyyn", NO)
READ_RULES: Row = (NO, "yyyn", "yyyn", "yyyn", NO)
CHANGE_DOCTOR: Row = (NO, NO, NO, "yyyf", NO)
CHANGE_THING: Row = (NO, NO, NO, "yyyn", NO)
ASK_EXCEPTION: Row = (NO, NO, "yfff", "yyyf", NO)
ASK_FOR_CLINIC: Row = (NO, NO, "ffff", "yyyf", NO)
MAKE_CLINIC: Row = (NO, NO, NO, "yyyy", NO)
OPERATIONS: Row = (NO, NO, NO, "yyyy", "yyyy")
PAYLOADS: Row = (NO, NO, NO, NO, "yyyy")
ONE_BOOKING: Row = (NO, NO, NO, "yyyn", "yyyy")
MANAGE: Row = (NO, NO, NO, "yyyy", NO)
AUDIT: Row = ("yyyy", NO, NO, "yyyy", "yyyy")

CONTRACT: dict[str, Row] = {
    "POST /codec/decode": PAYLOADS,
    "POST /api/v1/appointments": HOLD,
    "POST /api/v1/appointments/exchange": EXCHANGE,
    "POST /api/v1/appointments/*/arrive": ATTENDANCE,
    "POST /api/v1/appointments/*/complete": ATTENDANCE,
    "POST /api/v1/appointments/*/no-show": ATTENDANCE,
    "POST /api/v1/appointments/*/undo-attendance": ATTENDANCE,
    "POST /api/v1/appointments/*": CHANGE_VISIT,
    "GET /api/v1/appointments/*": READ_VISIT,
    "GET /api/v1/me": EVERYBODY,
    "GET /api/v1/audit": AUDIT,
    "GET /api/v1/patients": DESK,
    "POST /api/v1/patients": REGISTER,
    "POST /api/v1/patients/*/merge": REMOVE_RECORD,
    "POST /api/v1/patients/*/erase": REMOVE_RECORD,
    "GET /api/v1/patients/*/appointments": LISTS,
    "* /api/v1/patients/*/proxies*": CHANGE_RECORD,
    "* /api/v1/patients/*/consents": CHANGE_RECORD,
    "GET /api/v1/patients/*": RECORD,
    "PATCH /api/v1/patients/*": CHANGE_RECORD,
    "* /api/v1/doctors/*/notifications*": NOTICES,
    "* /api/v1/doctors/*/plan/draft": CHANGE_DOCTOR,
    "GET /api/v1/doctors/*/plan": READ_DOCTOR,
    "PUT /api/v1/doctors/*/plan": CHANGE_DOCTOR,
    "POST /api/v1/doctors/*/exceptions": ASK_EXCEPTION,
    "POST /api/v1/clinics/*/exceptions": ASK_FOR_CLINIC,
    "DELETE /api/v1/exceptions/*": CHANGE_THING,
    "POST /api/v1/doctors": CHANGE_DOCTOR,
    "PATCH /api/v1/doctors/*": CHANGE_DOCTOR,
    "POST /api/v1/services": CHANGE_DOCTOR,
    "PATCH /api/v1/services/*": CHANGE_DOCTOR,
    "POST /api/v1/clinics": MAKE_CLINIC,
    "PATCH /api/v1/clinics/*": CHANGE_DOCTOR,
    "GET /api/v1/clinics/*/rules": READ_RULES,
    "PUT /api/v1/clinics/*/rules": CHANGE_THING,
    "POST /api/v1/imports": CHANGE_DOCTOR,
    "GET /api/v1/imports/*": READ_IMPORT,
    "GET /api/v1/campaigns/*": READ_CAMPAIGN,
    "POST /api/v1/campaigns/*": CHANGE_THING,
    "GET /metrics": OPERATIONS,
    "GET /ops": OPERATIONS,
    "GET /ops/bookings": OPERATIONS,
    "GET /ops/bookings/*": ONE_BOOKING,
    "POST /acting-for": ACT_FOR,
    "POST /book/*": HOLD_ON_PAGE,
    "* /record": RECORD_ON_PAGE,
    "* /proxies*": RECORD_ON_PAGE,
    "GET /visits": LIST_ON_PAGE,
    "POST /visits/calendar*": LIST_ON_PAGE,
    "GET /visits/{appointment_id}/move*": CHANGE_ON_PAGE,
    "GET /visits/*": OWN_PAGE,
    "POST /visits/*": CHANGE_ON_PAGE,
    "POST /reception/visits/*/attendance": ATTENDANCE,
    "* /reception/visits/*": DESK_VISIT,
    "POST /reception/book/*": DESK_BOOK,
    "POST /reception/hours": DESK_BOOK,
    "POST /reception/patients/new": REGISTER,
    "POST /reception/patients/*/merge": REMOVE_RECORD,
    "POST /reception/patients/*/erase": REMOVE_RECORD,
    "POST /reception/patients/*": CHANGE_RECORD,
    "GET /reception*": DESK,
    "POST /doctor/*/notices/*": NOTICES,
    "POST /doctor/*/week": ASK_EXCEPTION,
    "GET /doctor/*/week": READ_DOCTOR,
    "GET /doctor/*": DAY,
    "GET /manage": MANAGE,
    "POST /manage/clinics": MAKE_CLINIC,
    "* /manage/clinics/*/rules": CHANGE_THING,
    "* /manage/clinics/*/rules/specialty": CHANGE_THING,
    "POST /manage/clinics/*/exceptions": ASK_FOR_CLINIC,
    "* /manage/clinics/*": CHANGE_DOCTOR,
    "* /manage/doctors/*": CHANGE_DOCTOR,
    "* /manage/services/*": CHANGE_DOCTOR,
    "GET /manage/imports/*": READ_IMPORT,
    "GET /manage/campaigns/*": READ_CAMPAIGN,
    "POST /manage/campaigns/*": CHANGE_THING,
    "POST /manage/exceptions/*/withdraw": CHANGE_THING,
}
"""The first pattern that fits a call says who may."""


OPEN = {
    # the directory, the days of doctors and their streams, the services
    "GET /api/v1/clinics",
    "GET /api/v1/doctors",
    "GET /api/v1/doctors/{doctor_id}",
    "GET /api/v1/doctors/{doctor_id}/schedule",
    "GET /api/v1/doctors/{doctor_id}/schedule/stream",
    "GET /api/v1/services",
    "GET /api/v1/slots",
    "GET /api/v1/specialties",
    "GET /",
    "GET /book/{doctor_id}",
    # signed links, receipts, answers by text, the calendar's secret address
    "GET /v/{token}",
    "GET /v/{token}/times",
    "POST /v/{token}",
    "GET /calendar/{token}.ics",
    "POST /api/v1/receipts/{provider}",
    "POST /api/v1/sms/inbound",
    # health, docs, and what has no person in it
    "GET /healthz",
    "GET /readyz",
    "GET /docs",
    "GET /docs/{name}",
    "GET /openapi.json",
    "GET /problems",
    "GET /problems/{code}",
    "GET /assets/{name}",
    "POST /language",
    "POST /patient",
    "GET /sign-in",
    "GET /sign-in/callback",
    "POST /sign-out",
}
"""Asked without a token; what has a person in it asks for a secret in its address or its head."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A route of the product, and what the contract says of it."""

    method: str
    path: str
    row: Row

    def of(self, role: str, relation: str) -> str:
        return self.of_all(role)[RELATIONS.index(relation)]

    def of_all(self, role: str) -> str:
        return self.row[ROLES.index(role)]


def row_of(method: str, path: str) -> Row | None:
    """None for a call that the contract's table knows nothing of."""
    called = f"{method} {path}"
    return next((row for pattern, row in CONTRACT.items() if fnmatchcase(called, pattern)), None)
