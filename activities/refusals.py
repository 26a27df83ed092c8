"""How an activity fails: a refusal is final and quiet, a technical fault is retried."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from adapters.temporal.client import UNAVAILABLE
from domain.errors import Refused


@contextmanager
def told_to_temporal() -> Iterator[None]:
    """Turn refusals into final failures, and database faults into errors without SQL or data."""
    try:
        yield
    except Refused as refused:
        raise ApplicationError(
            str(refused),
            refused.refusal,
            type=refused.code,
            non_retryable=True,
            category=ApplicationErrorCategory.BENIGN,
        ) from None
    except psycopg.Error as error:
        raise ApplicationError(_without_data(error), type=UNAVAILABLE) from None


@contextmanager
def nobody_named() -> Iterator[None]:
    """Replace a fault by its type and place: its text may name a patient."""
    try:
        yield
    except ApplicationError:
        raise
    except Exception as error:  # noqa: BLE001 - any text may name somebody
        fault = ApplicationError("the attempt ended in a fault", type=type(error).__name__)
        raise fault.with_traceback(error.__traceback__) from None


def unavailable(server: str, error: Exception) -> ApplicationError:
    """What to raise when a server other than the database did not answer."""
    return ApplicationError(f"{server} did not do it: {type(error).__name__}", type=UNAVAILABLE)


def _without_data(error: psycopg.Error) -> str:
    return f"PostgreSQL did not do it: {type(error).__name__} {error.sqlstate or ''}".rstrip()
