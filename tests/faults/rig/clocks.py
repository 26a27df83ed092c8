"""Gives a child process a wrong wall clock, by libfaketime or a few lines of C."""

import shutil
import subprocess
from pathlib import Path

from tests.faults.rig.injectors import faketime

# Only the wall clock is shifted. Timeouts use the monotonic clock, which no operator sets.
SHIFT = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += SECONDS;
    return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (now) *now = precise.tv_sec;
    return precise.tv_sec;
}
"""


def shifted_clock(folder: Path, *, seconds: int) -> dict[str, str] | None:
    """The variables that shift a process's clock; None if this machine cannot do it."""
    library = faketime()
    if library is not None:
        return {"LD_PRELOAD": library, "FAKETIME": f"{seconds:+}s", "DONT_FAKE_MONOTONIC": "1"}
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    source, built = folder / "shift.c", folder / "shift.so"
    source.write_text(SHIFT)
    options = ("-shared", "-fPIC", f"-DSECONDS=({seconds})", "-o", str(built), str(source), "-ldl")
    subprocess.run([compiler, *options], check=True)
    return {"LD_PRELOAD": str(built)}
