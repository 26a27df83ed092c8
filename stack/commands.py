"""The commands that `make` calls."""

import asyncio
import os
import sys
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from stack import run_state
from stack.addresses import where_to_begin
from stack.beside import run_beside
from stack.control import Answer, Request, ask
from stack.doctor import main as examine_machine
from stack.errors import BadWishError, NoSupervisorError, StackError
from stack.home import Home
from stack.importing import import_file
from stack.logs import follow
from stack.names import EVERYTHING, EXTRAS, chosen, wished
from stack.prepare import prepare as prepare_supplies
from stack.progress import Steps
from stack.up import bring_up_detached, wait_for_the_other

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command()(import_file)
DOWN_WITHIN = 90
BAD_WISH = 2
MOST_DOCTORS, MOST_DAYS = 100_000, 366

Only = Annotated[
    str, typer.Option(help=f"Only these, by comma: {','.join(EVERYTHING)}. Default: all.")
]
With = Annotated[
    str,
    typer.Option(
        "--with",
        envvar="STACK_WITH",
        help=f"These too, by comma: {','.join(EXTRAS)}. Default: none.",
    ),
]
Doctors = Annotated[
    int, typer.Option(help="How many demo doctors there are to be in all, not how many more.")
]
Days = Annotated[int, typer.Option(help="Their shifts reach so many days ahead, today's included.")]
Replay = Annotated[
    str, typer.Option(help="Places that the list shows, by comma, or all; none lists them.")
]
Name = Annotated[str, typer.Argument(help="A name that `status` shows.")]


@app.command()
def prepare(only: Only = "", extra: With = "") -> None:
    """Build or fetch what the servers need, once; what the tests need of Prometheus as well."""
    prepare_supplies([*chosen(wished(only, extra), os.environ), "prometheus"])


@app.command()
def up(only: Only = "", extra: With = "") -> None:
    """Start the stack in the background; return when all of it is ready."""
    _check_settings()
    home, names = Home.from_environment(), wished(only, extra)
    with suppress(NoSupervisorError):
        _ask({"command": "status"})
        wait_for_the_other(home)
        _print_addresses("Priyom is up already.")
        return
    prepare_supplies(chosen(names, os.environ))
    began = time.monotonic()
    started = bring_up_detached(home, names)
    seconds = time.monotonic() - began
    _print_addresses(f"Priyom is up in {seconds:.0f} s." if started else "Priyom is up already.")


@app.command()
def run(only: Only = "") -> None:
    """Start the stack in the foreground; Ctrl+C stops it."""
    # Imported here: it imports every server's client, and `make status` should be quick.
    from stack.keep_up import keep_up  # noqa: PLC0415

    _check_settings()
    names = wished(only)
    prepare_supplies(chosen(names, os.environ))
    with Steps() as steps:

        def say(_: run_state.RunState) -> None:
            _print_addresses("Priyom is up. Ctrl+C stops it.")

        asyncio.run(keep_up(Home.from_environment(), steps, names, say))


@app.command()
def down() -> None:
    """Stop the stack; keep its data."""
    home = Home.from_environment()
    try:
        _ask({"command": "down"})
    except NoSupervisorError:
        home.run_file.unlink(missing_ok=True)
        print("Priyom is not running.")
        return
    with Steps() as steps, steps.step("stopping"):
        _until_supervisor_ended(home)
    print(f"Priyom is down. Its data is kept under {home.root}.")


@app.command()
def reset() -> None:
    """Stop the stack and delete its data."""
    home = Home.from_environment()
    with suppress(NoSupervisorError):
        _ask({"command": "down"})
        _until_supervisor_ended(home)
    for folder in home.data_folders():
        print(f"Deleting {folder}")
    home.delete()


@app.command()
def stop(name: Name) -> None:
    """Stop one server or process, and hold it down."""
    _ask({"command": "stop", "name": name})
    print(f"{name} is stopped, until `make start S={name}`.")


@app.command()
def start(name: Name) -> None:
    """Start one server or process again; return when it is ready."""
    _ask({"command": "start", "name": name})
    print(f"{name} is ready.")


@app.command()
def status() -> None:
    """Show what runs, since when, with which pid and port."""
    home = Home.from_environment()
    rows = _ask({"command": "status"}).get("rows", [])
    table = Table("name", "state", "pid", "port", "since", "restarts", box=None)
    for row in rows:
        # The C library takes any TZ; Python's datetime knows no offset of a day or more.
        began = time.localtime(datetime.fromisoformat(row["since"]).timestamp())
        since = time.strftime("%H:%M:%S", began)
        cells = (row["pid"] or "-", row["port"] or "-", since, row["restarts"])
        table.add_row(row["name"], row["state"], *(str(cell) for cell in cells))
    Console().print(table)
    for folder in home.data_folders():
        print(f"data: {folder}")


@app.command()
def logs() -> None:
    """Follow the logs of all."""
    home = Home.from_environment()
    try:
        _ask({"command": "status"})
    except NoSupervisorError as error:
        old = f"\nLogs of earlier runs: {home.logs}" if any(home.logs.glob("*.log")) else ""
        raise NoSupervisorError(f"{error}{old}") from None
    with suppress(KeyboardInterrupt):
        for line in follow(home.logs):
            print(line, flush=True)


@app.command()
def seed(doctors: Doctors = 20, days: Days = 14) -> None:
    """Add what is missing of the demo clinic to the database. It may be repeated."""
    # Imported here: the servers run without the product's packages.
    from stack.seed import seed_or_tell  # noqa: PLC0415
    from stack.settings import checked_connections  # noqa: PLC0415 - the same

    _check_amount("DOCTORS", doctors, MOST_DOCTORS)
    _check_amount("DAYS", days, MOST_DAYS)
    servers = checked_connections()
    state = run_state.read(Home.from_environment().run_file)
    own = os.environ.get("DATABASE_URL") and servers.session_url
    url = own or (state and state["databaseUrl"])
    if not url:
        _leave("Priyom is not running: `make up` first, or set DATABASE_URL.")
    print(asyncio.run(seed_or_tell(url, doctors=doctors, days=days)))


@app.command()
def dead(replay: Replay = "") -> None:
    """List the dead letters of Kafka, or give them to the notifier again."""
    places = ["--replay", *replay.split(",")] if replay else []
    sys.exit(run_beside(["notifier.replay", *places], needed="KAFKA_BOOTSTRAP_SERVERS"))


@app.command(context_settings={"ignore_unknown_options": True})
def priyom(asked: Annotated[list[str], typer.Argument(help="why 430890e4, hold list, …")]) -> None:
    """Ask what is the matter with a booking."""
    sys.exit(run_beside(["api.console", *asked], needed="DATABASE_URL"))


@app.command()
def token(username: Annotated[str, typer.Argument(help="One of `accounts` of run.json.")]) -> None:
    """Print an access token of the development issuer, and nothing else."""
    from stack.tokens import access_token  # noqa: PLC0415 - the servers run without it

    home = Home.from_environment()
    state = run_state.read(home.run_file)
    if state is None:
        _leave("Priyom is not running: `make up` first.")
    print(access_token(home, state, username))


@app.command()
def backup(to: Annotated[Path, typer.Argument(help="A folder that is not there yet.")]) -> None:
    """Copy all that must be kept of the running stack into one folder."""
    from stack.backup import take  # noqa: PLC0415 - `make status` should be quick

    taken = take(Home.from_environment(), to.absolute())
    print(f"Backed up into {taken.folder}: whoever can read it has the secrets and all data.")


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="What `backup` has written.")],
) -> None:
    """Put a backup into an empty home."""
    from stack.backup import put_back  # noqa: PLC0415 - the same

    home = Home.from_environment()
    backup = put_back(home, source.absolute())
    minutes = backup.age.total_seconds() / 60
    print(f"Restored into {home.root} as it was at {backup.began_at:%Y-%m-%d %H:%M:%S} UTC.")
    print(f"What was booked in the {minutes:.0f} minutes since is not in it. `make up` starts it.")


@app.command()
def doctor() -> None:
    """Show what this machine has, what will be built, what is missing."""
    sys.exit(examine_machine())


@app.command()
def demo() -> None:
    """Start everything in a temporary directory, book appointments, show the results."""
    from stack.demo import main  # noqa: PLC0415 - it needs the whole product; nothing else does

    _check_settings()
    sys.exit(main())


def main() -> None:
    # Whatever the umask: what we make is ours to read and write, and nobody else's to write.
    os.umask(os.umask(0) & 0o077 | 0o022)
    try:
        app()
    except BadWishError as error:
        _leave(str(error), BAD_WISH)
    except StackError as error:
        _leave(str(error))


def _check_settings() -> None:
    from stack.settings import checked_settings  # noqa: PLC0415 - `make status` should be quick

    checked_settings()


def _check_amount(name: str, amount: int, most: int) -> None:
    if not 1 <= amount <= most:
        raise BadWishError(f"{name} must be from 1 to {most}, not {amount}")


def _ask(request: Request) -> Answer:
    answer = ask(Home.from_environment().control_socket, request)
    if "error" in answer:
        _leave(answer["error"])
    return answer


def _print_addresses(headline: str) -> None:
    state = run_state.read(Home.from_environment().run_file)
    if state is None:
        return
    print(headline)
    for line in where_to_begin(state):
        print(line)


def _until_supervisor_ended(home: Home) -> None:
    deadline = time.monotonic() + DOWN_WITHIN
    while home.is_locked():
        if time.monotonic() > deadline:
            _leave(f"The supervisor did not stop within {DOWN_WITHIN} s; see its log.")
        time.sleep(0.05)


def _leave(message: str, code: int = 1) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(code)
