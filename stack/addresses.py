"""What `make up` says: where each person begins, and where the servers are, without a secret."""

from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

from stack.run_state import DemoAccount, RunState
from stack.seed_data import NAMED_DOCTORS

WIDTH = 14


def where_to_begin(state: RunState) -> Iterator[str]:
    """A line each; who has nowhere to begin, because that server is not ours, has none."""
    api = state["api"]
    people = {
        "a patient": api and f"{api}/",
        "the reception": api and f"{api}/reception",
        "a doctor": api and state["patients"] and f"{api}/doctor/{NAMED_DOCTORS[0].id}",
        "operations": api and f"{api}/ops",
        "integrators": api and f"{api}/docs",
        "letters, SMS": state["mailbox"],
        "each booking": state["temporalUi"],
        "Prometheus": state.get("prometheus"),
    }
    servers = {
        "PostgreSQL": _without_password(state["databaseUrl"]),
        "PgBouncer": _without_password(state.get("poolerUrl")),
        "Valkey": _without_password(state["redisUrl"]),
        "Kafka": state["kafkaBootstrapServers"],
        "Temporal": state["temporalAddress"],
        "logs": state["logs"],
    }
    for name, address in {**people, **servers}.items():
        if address:
            yield f"  {name:<{WIDTH}} {address}"
    for account in accounts_to_try(state):
        yield f"  {'sign in as':<{WIDTH}} {account['username']}  {account['password']}"


def accounts_to_try(state: RunState) -> list[DemoAccount]:
    """A patient, the reception and a manager of the development issuer, if it runs."""
    first: dict[str, DemoAccount] = {}
    for account in state.get("accounts", []):
        first.setdefault(account["role"], account)
    return [first[role] for role in ("patient", "reception", "manager") if role in first]


def _without_password(url: str | None) -> str | None:
    """It stands in run.json, which its owner alone can read."""
    if url is None:
        return None
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    netloc = user.partition(":")[0] + at + host
    return urlunsplit((parts.scheme, netloc, parts.path, "", ""))
