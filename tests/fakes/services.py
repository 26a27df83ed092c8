"""Stands for the API's services where no server is: whoever uses one has not refused in time."""

from uuid import UUID

from adapters.postgres.demo_patients import DemoPatient
from api.http.actor import SignInOff
from api.services import Services


class NobodyOfTheDemo:
    """A clinic of living patients only."""

    async def some(self) -> list[DemoPatient]:
        return []

    async def one(self, _patient_id: UUID) -> DemoPatient | None:
        return None


class Unused:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, asked: str) -> object:
        raise AssertionError(f"{self._name}.{asked} was asked for without a server")


class NoServices(Services):
    def __init__(self) -> None:
        """Without the fields: each is found below, and is of no use."""

    def __getattr__(self, name: str) -> object:
        if name == "callers":
            return SignInOff()
        if name in {"page_sign_in", "limits"}:
            return None
        if name == "link_keys":
            return (bytes(32),)
        return NobodyOfTheDemo() if name == "demo" else Unused(name)
