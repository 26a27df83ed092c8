"""The secret that a process starts with: the one in use, or one that names it as the last."""

from adapters.postgres.secret_in_use import Secrets, is_in_use
from adapters.process.settings import (
    PREFIX,
    BadSettings,
    Product,
    previous_secret_of,
    secret_of,
)


def secrets_of(settings: Product, database_url: str) -> Secrets:
    """Raises `BadSettings` for another secret than the database knows, which would forget every
    key and break every link. A database that is away is not waited for.
    """
    secrets = Secrets(secret_of(settings), previous_secret_of(settings))
    if is_in_use(database_url, secrets) is False:
        raise BadSettings(
            f"{PREFIX}SECRET is not the one that this database is used with: links in messages and "
            f"idempotency keys would be forgotten. Put it back, or name it in "
            f"{PREFIX}SECRET_PREVIOUS to change it"
        )
    return secrets
