"""How much Python a piece of work is, counted by its calls: noise does not move that."""

import gc
import sys
from types import FrameType, TracebackType

import pytest

only_where_counted = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="the interpreter's own calls differ"
)


class Calls:
    """Counts calls of Python and of C within its block; the garbage collector's are nobody's."""

    def __init__(self) -> None:
        self.made = 0

    def __enter__(self) -> None:
        gc.disable()
        sys.setprofile(self._count)

    def __exit__(
        self, _type: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        sys.setprofile(None)
        gc.enable()

    def _count(self, _frame: FrameType, event: str, _of: object) -> None:
        self.made += event in {"call", "c_call"}
