"""What health and readiness answer."""

from typing import Literal

from pydantic.config import JsonDict

from api.http.schemas import Body, example

EXAMPLE_READINESS: JsonDict = {
    "status": "ready",
    "dependencies": {"postgres": "up", "temporal": "up", "redis": "up", "kafka": "up"},
}


class HealthBody(Body):
    """The process lives."""

    model_config = example({"status": "ok"})

    status: Literal["ok"]


class DependenciesBody(Body):
    """The servers behind, `up` or `down`."""

    postgres: Literal["up", "down"]
    temporal: Literal["up", "down"]
    redis: Literal["up", "down"]
    kafka: Literal["up", "down"]


class ReadinessBody(Body):
    """Whether bookings can be taken now."""

    model_config = example(EXAMPLE_READINESS)

    status: Literal["ready", "unavailable"]
    dependencies: DependenciesBody
