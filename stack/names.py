"""The names of all programs of a stack, as in `run.json` and `make stop S=name`."""

from collections.abc import Collection, Mapping

from stack.errors import StackError

SERVERS = ("postgres", "valkey", "kafka", "temporal", "issuer")
PROCESSES = ("worker", "notifier", "api")
EVERYTHING = (*SERVERS, "mailbox", *PROCESSES)
EXTRAS = ("prometheus", "pgbouncer")
"""Started only where `make up WITH=…` names them."""

# If all variables of a server are set, that server is used and ours is not started.
GIVEN_BY = {
    "postgres": ("DATABASE_URL",),
    "valkey": ("REDIS_URL",),
    "kafka": ("KAFKA_BOOTSTRAP_SERVERS",),
    "temporal": ("TEMPORAL_ADDRESS",),
    "mailbox": ("SMTP_URL", "SMS_GATEWAY_URL"),
    "issuer": ("PRIYOM_OIDC_ISSUER",),
}


def chosen(only: Collection[str], environment: Mapping[str, str]) -> list[str]:
    """The programs to start: those asked for, without the servers that the environment names."""
    without = {"issuer"} if environment.get("PRIYOM_SIGN_IN") == "off" else set()
    given = {name for name, by in GIVEN_BY.items() if all(environment.get(each) for each in by)}
    return [name for name in only or EVERYTHING if name not in given | without]


def wished(only: str, extra: str = "") -> list[str]:
    """What two lists by comma name; none for all that there is without extras."""
    named, more = _listed(only), _listed(extra)
    for names, known in ((named, EVERYTHING), (more, EXTRAS)):
        unknown = sorted(set(names) - set(known))
        if unknown:
            raise StackError(f"there is no {unknown[0]}; there are {', '.join(known)}")
    return [*(named or EVERYTHING), *more] if more else named


def _listed(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]
