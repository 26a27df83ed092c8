"""The API with nothing measured, to compare with: no runtime of ours, no call is counted."""

from adapters.process.exit import exit_process
from adapters.temporal import sdk_metrics
from api import __main__ as process
from api.http import middleware


class Nothing:
    """Takes what a counter, a gauge and a histogram take."""

    def labels(self, *_: str) -> "Nothing":
        return self

    def inc(self) -> None: ...

    def dec(self) -> None: ...

    def observe(self, _: float) -> None: ...


if __name__ == "__main__":
    sdk_metrics.SDK.switch_on = lambda: None  # type: ignore[method-assign]
    middleware.REQUESTS = middleware.SECONDS = middleware.IN_FLIGHT = Nothing()  # type: ignore[assignment]
    exit_process(process.main())
