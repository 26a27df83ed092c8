"""The one list of what workflows may import as it is, for worker, notifier, tests and replay.

A module that is missing here is imported again for every run, which costs 200 to 900 ms; the
policy below makes a worker refuse to start rather than pay that in silence.
"""

from temporalio import workflow
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

PASSED_THROUGH = (
    "domain",
    "adapters",
    "activities",
    "workflows.names",
    "workflows.details",
    "workflows.saga",
    "workflows.steps",
    "workflows.wishes",
)


def workflow_runner() -> SandboxedWorkflowRunner:
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return SandboxedWorkflowRunner(
        restrictions=restrictions.with_import_notification_policy(
            workflow.SandboxImportNotificationPolicy.WARN_ON_DYNAMIC_IMPORT
            | workflow.SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
        )
    )
