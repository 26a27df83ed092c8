"""Prometheus beside the processes: what they count, and the alerts of ops/alerts.yaml."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from stack.home import CHECKOUT, private_folder, write_private
from stack.ports import LOOPBACK
from stack.probes import http_answers
from stack.program import Program
from stack.servers.issuer import CLIENT
from stack.supplies.prometheus import prometheus

RULES = CHECKOUT / "ops" / "alerts.yaml"
CONFIGURATION = "prometheus.yaml"
EVERY_SECONDS = 15


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """As whom the API is asked: Prometheus fetches a token by itself, and another in time."""

    token_url: str
    secret: str
    username: str
    password: str

    def settings(self) -> dict[str, object]:
        return {
            "client_id": CLIENT,
            "client_secret": self.secret,
            "token_url": self.token_url,
            "endpoint_params": {
                "grant_type": "password",
                "username": self.username,
                "password": self.password,
            },
        }


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What is scraped, as `host:port` by process, how often, and which rules are looked at."""

    targets: Mapping[str, str]
    sign_in: SignIn | None = None
    every_seconds: int = EVERY_SECONDS
    rules: Path = field(default=RULES)

    def configuration(self) -> dict[str, Any]:
        every = f"{self.every_seconds}s"
        return {
            "global": {"scrape_interval": every, "evaluation_interval": every},
            "rule_files": [str(self.rules)],
            "scrape_configs": [self._job(name, target) for name, target in self.targets.items()],
        }

    def _job(self, name: str, target: str) -> dict[str, object]:
        job: dict[str, object] = {"job_name": name, "static_configs": [{"targets": [target]}]}
        if name == "api" and self.sign_in is not None:
            job["oauth2"] = self.sign_in.settings()
        return job


def address(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def initialise(folder: Path, watch: Watch) -> Path:
    """Its configuration, readable by its owner only. JSON is YAML too."""
    configuration = json.dumps(watch.configuration(), indent=1, ensure_ascii=False)
    write_private(private_folder(folder) / CONFIGURATION, f"{configuration}\n")
    return folder


def program(folder: Path, port: int) -> Program:
    return Program(
        name="prometheus",
        argv=[
            *(str(prometheus()), f"--config.file={CONFIGURATION}", "--storage.tsdb.path=data"),
            *(f"--web.listen-address={LOOPBACK}:{port}", "--storage.tsdb.retention.time=7d"),
            "--log.level=warn",
        ],
        ready=partial(http_answers, f"{address(port)}/-/ready"),
        port=port,
        folder=folder,
        niceness=10,
    )
