"""What can go wrong with a stack; every message is for the person at the terminal."""


class StackError(Exception):
    """Shown without a traceback."""


class BadWishError(StackError):
    """A setting or an argument is bad; the message says which and what is allowed."""


class MissingToolError(StackError):
    """A program that we need is not on this machine; the message says how to install it."""


class StepFailedError(StackError):
    """A command ended badly; the message holds what it printed last."""


class NotReadyError(StackError):
    """A program ended, or was not ready in time."""


class UpFailedError(StackError):
    """The stack did not come up; the message says which program failed, and its last lines."""


class AlreadyUpError(StackError):
    """Another supervisor keeps this home."""


class NoSupervisorError(StackError):
    """Nothing is up in this home."""
