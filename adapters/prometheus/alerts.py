"""Which alerts fire now, as Prometheus knows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

ASKED_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One that fires: what it says, whom it is for, and which part of the runbook it leads to."""

    name: str
    severity: str
    summary: str
    runbook: str
    since: datetime


async def firing_alerts(prometheus: str) -> list[Alert] | None:
    """Those for the person on call first; null where Prometheus does not answer."""
    url = f"{prometheus.rstrip('/')}/api/v1/alerts"
    try:
        timeout = ClientTimeout(total=ASKED_SECONDS)
        async with ClientSession(timeout=timeout) as http, http.get(url) as answer:
            answer.raise_for_status()
            told = await answer.json()
        firing = [_alert(each) for each in told["data"]["alerts"] if each["state"] == "firing"]
    except (ClientError, TimeoutError, OSError, ValueError, KeyError):
        return None
    return sorted(firing, key=lambda alert: (alert.severity, alert.since))


def _alert(told: Mapping[str, Any]) -> Alert:
    labels, annotations = told["labels"], told["annotations"]
    return Alert(
        name=labels["alertname"],
        severity=labels["severity"],
        summary=annotations["summary"],
        runbook=annotations["runbook_url"],
        since=datetime.fromisoformat(told["activeAt"]),
    )
