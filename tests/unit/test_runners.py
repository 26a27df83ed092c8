"""Which code runs in the sandbox: what is tried does, what patients wait for does not."""

from temporalio.worker import UnsandboxedWorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from worker.sandbox import sandboxed_runner, workflow_runner


def test_tests_run_in_the_sandbox_and_processes_do_not() -> None:
    assert isinstance(sandboxed_runner(), SandboxedWorkflowRunner)
    assert isinstance(workflow_runner(), UnsandboxedWorkflowRunner)
