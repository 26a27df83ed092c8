"""The development issuer: nanoidp on loopback, with the demo's people as its users."""

import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from stack.ports import LOOPBACK
from stack.probes import http_answers
from stack.program import Program
from stack.run_state import DemoAccount

CLIENT = "priyom-pages"
AUDIENCE = "priyom"
CALLBACK = "/sign-in/callback"
TOKEN_MINUTES = 60


def address(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def initialise(
    folder: Path, port: int, accounts: Sequence[DemoAccount], *, secret: str, pages: str
) -> Path:
    """Its configuration, readable by its owner only. JSON is YAML too."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(folder / "settings.yaml", _settings(folder, port, secret, pages))
    users = {
        each["username"]: {
            "password": each["password"],
            "email": f"{each['username']}@example.org",
            "roles": [each["role"]],
        }
        for each in accounts
    }
    _write(folder / "users.yaml", {"config_version": 1, "users": users})
    return folder


def program(folder: Path, port: int) -> Program:
    return Program(
        name="issuer",
        # By its module: its script names the folder that it was installed into.
        argv=[
            *(
                sys.executable,
                "-m",
                "nanoidp",
                "--config",
                str(folder),
            ),
            *("--host", LOOPBACK, "--port", str(port)),
        ],
        ready=partial(http_answers, f"{address(port)}/.well-known/openid-configuration"),
        port=port,
        niceness=10,
    )


def _settings(folder: Path, port: int, secret: str, pages: str) -> dict[str, object]:
    return {
        "config_version": 1,
        "server": {"host": LOOPBACK, "port": port},
        "oauth": {
            "issuer": address(port),
            "audience": AUDIENCE,
            "token_expiry_minutes": TOKEN_MINUTES,
            "clients": [
                {
                    "client_id": CLIENT,
                    "client_secret": secret,
                    "description": "the pages of Priyom",
                    "redirect_uris": [f"{pages}{CALLBACK}"],
                }
            ],
        },
        "jwt": {"algorithm": "RS256", "keys_dir": str(folder / "keys")},
        "session": {"secret_key": secret, "management_secret": secret},
        "logging": {"level": "WARNING", "log_token_requests": False, "verbose_logging": False},
    }


def _write(path: Path, document: dict[str, object]) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
