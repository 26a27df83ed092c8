"""What is answered to a patient's text message: which visit was meant, and what came of it."""

# ruff: noqa: RUF001 - Cyrillic

from datetime import datetime

from adapters.messages.segments import as_sent
from adapters.messages.visit import Language, Visit
from adapters.messages.wording import when
from domain.replies import Reply
from domain.zones import zone_named

RUSSIAN = {
    Reply.PROMISED: "Спасибо! Ждём вас {day} в {time} ({offset}). Запись {code}.",
    Reply.ASK_AGAIN: "Отменить запись {code}, {day} в {time} ({offset})? "
    "Чтобы отменить, ответьте 0 ещё раз.",
    Reply.CANCELLED: "Запись {code}, {day} в {time}, отменена. Спасибо, что сказали.",
    Reply.RULE: "Отменить запись {code}, {day} в {time}, через SMS уже нельзя: это можно было до "
    "{until}. Позвоните в клинику{phone}.",
    Reply.CHANGED: "Ничего не изменили: с записью {code} это уже нельзя сделать. "
    "Позвоните в клинику{phone}.",
    Reply.STOPPED: "Больше не будем присылать вам SMS. Письма будут приходить как раньше.",
    Reply.HOW_TO: "Не поняли ответ о записи {code}, {day} в {time}. "
    "1: приду, 0: отменить, СТОП: без SMS.",
    Reply.NOTHING: "Нет записи, о которой мы вам недавно напоминали. Ничего не изменили.",
}
ENGLISH = {
    Reply.PROMISED: "Thank you! We expect you {day} at {time} ({offset}). Ref. {code}.",
    Reply.ASK_AGAIN: "Cancel appointment {code}, {day} at {time} ({offset})? "
    "To cancel it, reply 0 again.",
    Reply.CANCELLED: "Appointment {code}, {day} at {time}, is cancelled. Thank you for telling us.",
    Reply.RULE: "Appointment {code}, {day} at {time}, can no longer be cancelled by text: that was "
    "possible until {until}. Call the clinic{phone}.",
    Reply.CHANGED: "Nothing was changed: that can no longer be done with appointment {code}. "
    "Call the clinic{phone}.",
    Reply.STOPPED: "We will send you no more texts. Emails will come as before.",
    Reply.HOW_TO: "We did not understand your answer about appointment {code}, {day} at {time}. "
    "1: I am coming, 0: cancel, STOP: no more texts.",
    Reply.NOTHING: "There is no appointment that we have reminded you of lately. "
    "Nothing was changed.",
}
TEXTS = {Language.RU: RUSSIAN, Language.EN: ENGLISH}


def answer_without_visit(reply: Reply, language: Language) -> str:
    """Where no appointment was meant."""
    return as_sent(TEXTS[language][reply])


def answer(reply: Reply, visit: Visit, *, until: datetime | None = None) -> str:
    """`until`: when the clinic's rule ended what was wished for."""
    at = when(visit)
    ended = "" if until is None else f"{until.astimezone(zone_named(visit.time_zone)):%d.%m %H:%M}"
    return as_sent(
        TEXTS[visit.language][reply].format(
            code=visit.code,
            day=at.short,
            time=at.time,
            offset=at.offset,
            until=ended,
            phone=f": {visit.clinic_phone}" if visit.clinic_phone else "",
        )
    )
