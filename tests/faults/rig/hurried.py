"""The rules of ops/alerts.yaml in a hurry: what takes a minute there takes two seconds here."""

import re
from datetime import timedelta

import yaml

SECONDS_A_MINUTE = 2
MINUTES = re.compile(r"\b(\d+)m\b")
AGE = re.compile(r"(_age_seconds\) > )(\d+)")


def hurried(rules: str) -> str:
    """Every `for`, every range and every age that is too high."""
    rules = AGE.sub(lambda age: f"{age[1]}{int(age[2]) // 60 * SECONDS_A_MINUTE}", rules)
    return MINUTES.sub(lambda time: f"{int(time[1]) * SECONDS_A_MINUTE}s", rules)


def waits(rules: str) -> dict[str, timedelta]:
    """How long each alert waits in a hurry until it fires, by its name."""
    groups = yaml.safe_load(rules)["groups"]
    return {
        rule["alert"]: timedelta(seconds=SECONDS_A_MINUTE * int(rule.get("for", "0m")[:-1]))
        for group in groups
        for rule in group["rules"]
    }
