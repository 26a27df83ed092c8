"""The settings of a whole stack, all of them checked before any of it is started."""

from adapters.process.settings import (
    BadSettings,
    Connections,
    Product,
    connections,
    product,
    secret_of,
)
from stack.errors import BadWishError


def checked_settings() -> Product:
    """The product's settings; BadWishError says in one line which setting of all is bad."""
    try:
        settings = product()
        connections()
        # Without one, the home's own secret is used.
        if settings.secret.get_secret_value():
            secret_of(settings)
    except BadSettings as error:
        raise BadWishError(str(error)) from None
    return settings


def checked_connections() -> Connections:
    try:
        return connections()
    except BadSettings as error:
        raise BadWishError(str(error)) from None
