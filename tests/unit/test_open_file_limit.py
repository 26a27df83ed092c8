"""A process takes all the connections that it may have."""

import subprocess
import sys

TELL = """
import resource
from adapters.process.file_limit import raise_open_file_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))
raise_open_file_limit()
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_the_limit_is_raised_as_far_as_it_may_be() -> None:
    told = subprocess.run(
        [sys.executable, "-c", TELL], check=True, capture_output=True, text=True, timeout=30
    )

    assert told.stdout == "(200, 200)\n"
