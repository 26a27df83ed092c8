"""A program of ours beside a stack: it finds the stack's servers as its processes do."""

import os
import subprocess
import sys
from collections.abc import Sequence

from stack import run_state
from stack.errors import StackError
from stack.home import CHECKOUT, Home


def run_beside(module: Sequence[str], *, needed: str) -> int:
    """Its exit status. What the environment says goes before the addresses of this stack."""
    home = Home.from_environment()
    state = run_state.read(home.run_file)
    environment = {**(run_state.addresses(state) if state else {}), **os.environ}
    if needed not in environment:
        raise StackError(f"Priyom is not running: `make up` first, or set {needed}.")
    if state is not None:
        environment.setdefault("PRIYOM_SECRET", home.secret("secret"))
    argv = [sys.executable, "-m", *module]
    return subprocess.run(argv, env=environment, cwd=CHECKOUT, check=False).returncode
