"""How workflow code is run: in a sandbox where it is tried, without one where patients wait.

The sandbox catches what is not deterministic (the clock, randomness, I/O) by running every
workflow in a namespace of its own, which costs more CPU than all the rest of a booking. Tests and
replays run in it, so that such code never gets as far as a worker (decision 0007).
"""

from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

PASSED_THROUGH = (
    "domain",
    "adapters",
    "activities",
    "workflows.answers",
    "workflows.audit_steps",
    "workflows.campaign_steps",
    "workflows.consent",
    "workflows.delivery_steps",
    "workflows.details",
    "workflows.names",
    "workflows.saga",
    "workflows.starting",
    "workflows.steps",
    "workflows.telling",
    "workflows.tell_everybody",
)
"""What workflows may import as it is. A module that is missing here would be imported again for
every run, 200 to 900 ms; the policy below makes the worker refuse to start instead."""


def sandboxed_runner() -> WorkflowRunner:
    """For tests and replays."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    return SandboxedWorkflowRunner(
        restrictions=restrictions.with_import_notification_policy(
            workflow.SandboxImportNotificationPolicy.WARN_ON_DYNAMIC_IMPORT
            | workflow.SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
        )
    )


def workflow_runner() -> WorkflowRunner:
    """For the processes."""
    return UnsandboxedWorkflowRunner()
