"""The settings of a stack, checked before anything starts."""

from adapters.process.connection_settings import Connections
from adapters.process.settings import (
    BadSettings,
    Product,
    connections,
    product,
    secret_of,
    sign_in_of,
)
from stack.errors import BadWishError


def checked_settings() -> Product:
    """The product's settings. BadWishError names the bad setting in one line."""
    try:
        settings = product()
        connections()
        # If there is none, the home's own secret is used.
        if settings.secret.get_secret_value():
            secret_of(settings)
        if settings.sign_in == "off":
            sign_in_of(settings)
    except BadSettings as error:
        raise BadWishError(str(error)) from None
    return settings


def checked_connections() -> Connections:
    try:
        return connections()
    except BadSettings as error:
        raise BadWishError(str(error)) from None
