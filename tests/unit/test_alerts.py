"""Alerts and the dashboard ask for what our processes tell; alerts lead into the runbook."""

import re
from datetime import timedelta
from typing import Any

import pytest
import yaml

from adapters.process.settings import Product
from scripts.dashboard import PANELS, Panel
from scripts.metrics_page import OF_THE_SDK, families
from stack.home import CHECKOUT
from stack.servers.prometheus import SignIn, Watch
from tests.faults.rig.alarms import FAULTS, TOGETHER
from tests.faults.rig.hurried import hurried, waits

RULES = CHECKOUT / "ops" / "alerts.yaml"
DEPLOY_MINUTES = 5
WORSE_THAN_A_DEPLOY = {"AppointmentsOverlap", "VisitsLost", "TrailBroken", "EventsForged"}
"""No deploy makes these: nobody waits to hear of them."""

NAME = re.compile(r"\b(?:priyom|temporal)_[a-z_]+")
KNOWN_TO_THE_SDK = {
    *OF_THE_SDK,
    "temporal_request_total",
}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def anchors(page: str) -> set[str]:
    """As GitHub makes them of the headings."""
    headings = re.findall(r"^#+ (.+)$", (CHECKOUT / page).read_text(), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_leads_to_a_part_of_the_runbook_that_exists(rule: dict[str, Any]) -> None:
    page, anchor = rule["annotations"]["runbook_url"].split("#")

    assert anchor in anchors(page)
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["labels"]["severity"] in {"page", "ticket"}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_what_a_process_tells(rule: dict[str, Any]) -> None:
    assert_known(rule["expr"])


def test_the_setting_says_from_which_rhythm_on_a_healthy_audit_is_told_as_stale() -> None:
    [stale] = [rule for rule in rules() if rule["alert"] == "AuditStale"]
    bound = re.search(r"age_seconds\) > (\d+)", stale["expr"])
    assert bound is not None

    told = str(Product.model_fields["audit_seconds"].description)

    assert f"above {bound[1]} raise the bound of the alert {stale['alert']}" in told
    assert Product.model_fields["audit_seconds"].default <= int(bound[1])


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
def test_a_panel_asks_for_what_a_process_tells(panel: Panel) -> None:
    assert_known(panel.expression)


def assert_known(expression: str) -> None:
    ours = {each.name + ("_total" if each.type == "counter" else "") for each in families()}
    asked = {name.removesuffix("_bucket") for name in NAME.findall(expression)}

    assert asked
    assert asked <= ours | KNOWN_TO_THE_SDK


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_outlasts_a_deploy(rule: dict[str, Any]) -> None:
    minutes = int(rule.get("for", "0m").removesuffix("m"))

    assert minutes >= DEPLOY_MINUTES or rule["alert"] in WORSE_THAN_A_DEPLOY


def test_every_alert_has_a_fault_that_makes_it_true() -> None:
    alerts = {rule["alert"] for rule in rules()}

    assert alerts == set(FAULTS)
    assert sorted(alerts) == sorted(alert for group in TOGETHER for alert in group)


def test_promtool_is_told_of_every_alert_when_it_fires_and_when_it_must_not() -> None:
    told = yaml.safe_load((CHECKOUT / "ops" / "alerts_test.yaml").read_text())["tests"]
    cases = [case for test in told for case in test["alert_rule_test"]]
    alerts = {rule["alert"] for rule in rules()}

    assert {case["alertname"] for case in cases if case["exp_alerts"]} == alerts
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == alerts


def test_a_rule_in_a_hurry_is_so_in_every_time_of_it() -> None:
    rule = "expr: min(x_age_seconds) > 300\nfor: 5m\nother: rate(y[15m]) > 0.05"

    assert hurried(rule) == "expr: min(x_age_seconds) > 10\nfor: 10s\nother: rate(y[30s]) > 0.05"


def test_an_alert_in_a_hurry_waits_two_seconds_for_each_minute() -> None:
    waiting = waits(RULES.read_text())

    assert waiting["AuditStale"] == timedelta(seconds=10)
    assert waiting["EventsForged"] == timedelta(0)
    assert waiting.keys() == set(FAULTS)


def test_each_process_is_scraped_and_the_api_as_somebody_of_operations() -> None:
    told = dict.fromkeys(("token_url", "secret", "username", "password"), "x")
    sign_in = SignIn(**told)
    watch = Watch(targets={"api": "h:1", "worker": "h:2"}, sign_in=sign_in)

    api, worker = watch.configuration()["scrape_configs"]

    assert api["static_configs"] == [{"targets": ["h:1"]}]
    assert api["oauth2"]["endpoint_params"]["grant_type"] == "password"
    assert "oauth2" not in worker
    assert watch.configuration()["rule_files"] == [str(RULES)]
