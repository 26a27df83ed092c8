"""The product beside its peers: `make bench`, or `python -m bench --engines product restate`.

Closed loop over HTTP on loopback: each user holds a free slot, confirms it and goes on with the
next. Every engine does the same steps with the same SQL, Kafka and Redis (bench/peers). A wrong row
or a missing event voids the run, and the exit code is 1.
"""

import argparse
import asyncio
import platform
import shlex
import sys
from pathlib import Path

from adapters.process.exit import exit_process
from bench import environment, report, restate_server, results
from bench.arena import arena
from bench.engines import PEERS, forget_servers
from bench.figures import PRODUCT
from bench.match import CORES, Found, Plan, play
from bench.turns import DRAINED_WITHIN, WARM_SECONDS, end_on_sigterm, exit_code_of, say
from stack.home import CHECKOUT
from stack.names import SERVERS
from stack.prepare import prepare
from stack.progress import Steps, run_quietly

START_SECONDS = 300.0


def main() -> int:
    options = _options()
    plan = Plan(
        engines=list(dict.fromkeys(options.engines)),
        users=options.users,
        seconds=options.seconds,
        rounds=options.rounds,
        retakes=options.retakes,
        signed_in=options.sign_in == "on",
    )
    forget_servers()
    return exit_code_of(lambda: _measured(plan, options))


def _measured(plan: Plan, options: argparse.Namespace) -> int:
    _prepare(plan, plots=options.plots is not None)
    found = asyncio.run(_run(plan))
    _tell(found, options.out, options.plots)
    return 1 if found.problems else 0


async def _run(plan: Plan) -> Found:
    end_on_sigterm()
    async with (
        asyncio.timeout(_bound(plan)),
        arena(plan.engines, signed_in=plan.signed_in) as place,
    ):
        return await play(plan, place, say)


def _bound(plan: Plan) -> float:
    """Seconds within which it ends, whatever hangs: as long as all turns with all retakes."""
    turns = len(plan.users) * (plan.rounds * len(plan.engines) * (1 + plan.retakes) + 1)
    return START_SECONDS + DRAINED_WITHIN + turns * (plan.seconds + WARM_SECONDS + 3)


def _prepare(plan: Plan, *, plots: bool) -> None:
    prepare(SERVERS)
    with Steps() as steps:
        if plots or set(plan.engines) - {PRODUCT, "plain"}:
            environment.install(steps)
        if "restate" in plan.engines:
            restate_server.fetch(steps)


def _tell(found: Found, out: Path, plots: Path | None) -> None:
    about = results.About(
        command=shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
        cores=CORES,
        python=platform.python_version(),
        versions=found.versions,
        memoryMiB={
            engine: {name: round(mib, 1) for name, mib in sizes.items()}
            for engine, sizes in found.memory_mib.items()
        },
        temporalEvents=[run.events for run in found.runs],
        temporalActions=[run.actions for run in found.runs],
        problems=found.problems,
    )
    for text in report.summary(found.turns, about):
        say(text)
    results.write(out, results.results(about, found.turns))
    say(f"written to {out}")
    if plots is not None:
        run_quietly(
            [environment.PYTHON, "-m", "bench.plots", out.absolute(), plots.absolute()], CHECKOUT
        )
        say(f"plotted to {plots}")


def _options() -> argparse.Namespace:
    every = [PRODUCT, *PEERS]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--engines", nargs="+", choices=every, default=every, metavar="NAME", help=", ".join(every)
    )
    parser.add_argument("--users", type=int, nargs="+", default=[1, 8, 16, 32])
    parser.add_argument("--seconds", type=float, default=8, help="of a turn, warm-up excluded")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--retakes", type=int, default=2, help="of a turn in which others used the machine"
    )
    parser.add_argument(
        "--sign-in", choices=("on", "off"), default="off", help="of the product: a token a patient"
    )
    parser.add_argument("--out", type=Path, default=Path("bench-results.json"))
    parser.add_argument("--plots", type=Path, help="folder of the plots; none are made without it")
    return parser.parse_args()


if __name__ == "__main__":
    exit_process(main())
