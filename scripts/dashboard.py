"""The dashboard for Grafana: `python -m scripts.dashboard` prints ops/dashboard.json."""

import json
import sys
from dataclasses import dataclass

WIDTH, HEIGHT, ACROSS = 8, 7, 3


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A question that operations ask, and the expression that answers it."""

    title: str
    expression: str
    legend: str = ""
    unit: str = "short"


PANELS = (
    Panel(
        title="Requests a second, by route",
        expression="sum by (route) (rate(priyom_http_requests_total[5m]))",
        legend="{{route}}",
        unit="reqps",
    ),
    Panel(
        title="Answers that are 5xx, of all",
        expression='(sum(rate(priyom_http_requests_total{status=~"5.."}[5m])) or vector(0))'
        " / sum(rate(priyom_http_requests_total[5m]))",
        unit="percentunit",
    ),
    Panel(
        title="95 of 100 answers come within",
        expression="histogram_quantile(0.95,"
        " sum by (le, route) (rate(priyom_http_request_seconds_bucket[5m])))",
        legend="{{route}}",
        unit="s",
    ),
    Panel(title="Holds that last", expression="max(priyom_holds)"),
    Panel(
        title="Bookings of 24 hours, by their end",
        expression="max by (end) (priyom_bookings_ended)",
        legend="{{end}}",
    ),
    Panel(
        title="From hold to confirmation",
        expression="max by (quantile) (priyom_hold_to_confirm_seconds)",
        legend="{{quantile}}",
        unit="s",
    ),
    Panel(
        title="Refusals a second, by code",
        expression="sum by (code) (rate(priyom_refusals_total[5m]))",
        legend="{{code}}",
    ),
    Panel(
        title="Holds answered by the step, and by asking the run",
        expression="sum by (road) (rate(priyom_eager_answers_total[5m]))",
        legend="{{road}}",
    ),
    Panel(
        title="Days, by where they came from",
        expression="sum by (source) (rate(priyom_day_reads_total[5m]))",
        legend="{{source}}",
    ),
    Panel(
        title="Connections to PostgreSQL",
        expression="sum by (pool, state) (priyom_pool_connections)",
        legend="{{pool}} {{state}}",
    ),
    Panel(
        title="To the third next free slot",
        expression="max by (specialty) (priyom_third_next_free_seconds)",
        legend="{{specialty}}",
        unit="s",
    ),
    Panel(
        title="Booked, of the open time of the next 7 days",
        expression="max(priyom_utilisation_ratio)",
        unit="percentunit",
    ),
    Panel(title="Events yet to be read", expression="max(priyom_events_unread)"),
    Panel(title="Messages under way", expression="max(priyom_messages_undelivered)"),
    Panel(title="Age of the last audit", expression="min(priyom_audit_age_seconds)", unit="s"),
    Panel(
        title="95 of 100 workflow tasks wait for a worker",
        expression="histogram_quantile(0.95, sum by (le, task_queue)"
        " (rate(temporal_workflow_task_schedule_to_start_latency_seconds_bucket[5m])))",
        legend="{{task_queue}}",
        unit="s",
    ),
    Panel(
        title="Age of the issuer's keys", expression="max(priyom_issuer_keys_age_seconds)", unit="s"
    ),
    Panel(
        title="Free on the disk",
        expression="min(priyom_disk_free_bytes / priyom_disk_size_bytes)",
        unit="percentunit",
    ),
    Panel(
        title="Pollers",
        expression="sum by (task_queue) (temporal_num_pollers)",
        legend="{{task_queue}}",
    ),
)


def dashboard() -> dict[str, object]:
    return {
        "uid": "priyom",
        "title": "Priyom",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "type": "datasource", "query": "prometheus", "label": ""}]
        },
        "panels": [_panel(place, panel) for place, panel in enumerate(PANELS)],
    }


def _panel(place: int, panel: Panel) -> dict[str, object]:
    row, column = divmod(place, ACROSS)
    return {
        "id": place + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "gridPos": {"h": HEIGHT, "w": WIDTH, "x": column * WIDTH, "y": row * HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [{"refId": "A", "expr": panel.expression, "legendFormat": panel.legend}],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(dashboard(), indent=1) + "\n")
