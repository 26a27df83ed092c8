"""Errors of a stack. Every message is for the person at the terminal."""


class StackError(Exception):
    """Shown without a traceback."""


class BadWishError(StackError):
    """A setting or an argument is bad; the message says which and what is allowed."""


class MissingToolError(StackError):
    """A required program is missing; the message says how to install it."""


class StepFailedError(StackError):
    """A command failed; the message ends with its last output."""


class NotReadyError(StackError):
    """A program ended, or was not ready in time."""


class UpFailedError(StackError):
    """The stack did not come up; the message says which program failed, and its last lines."""


class AlreadyUpError(StackError):
    """Another supervisor runs this home."""


class NoSupervisorError(StackError):
    """No supervisor runs this home."""
