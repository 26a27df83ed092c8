"""Takes the picture of one booking's run in the Temporal UI, as the person on call sees it.

python scripts/ui_screenshot.py .priyom/run.json <appointment id> [docs/img/temporal-run.png]
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from stack.run_state import RunState

PICTURE = Path("docs/img/temporal-run.png")
WIDTH, HEIGHT = 1440, 1060
PATIENCE_MS = 60_000
QUIET_MS = 2000
"""What the page draws after its last answer: the timeline fades in."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# The container runs as root, where the browser's own sandbox cannot; the page is our own server's.
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("run_file", type=Path, help="the stack's run.json")
    options.add_argument("appointment_id")
    options.add_argument("picture", type=Path, nargs="?", default=PICTURE)
    chosen = options.parse_args()
    run: RunState = json.loads(chosen.run_file.read_text())
    workflow_id = f"appointment-{chosen.appointment_id}"
    url = f"{run['temporalUi']}/namespaces/{run['temporalNamespace']}/workflows/{workflow_id}"
    chosen.picture.parent.mkdir(parents=True, exist_ok=True)
    take(url, workflow_id, chosen.picture)
    print(f"{url}\n-> {chosen.picture}")


def take(url: str, workflow_id: str, picture: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_on_path(), args=list(OPTIONS))
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, locale="en-GB")
        page.set_default_timeout(PATIENCE_MS)
        page.goto(url)
        wait_for_content(page, workflow_id)
        page.screenshot(path=picture)
        browser.close()


def wait_for_content(page: Page, workflow_id: str) -> None:
    """The run's id, then its timeline with the first step on top, as the run went."""
    page.get_by_text(workflow_id).first.wait_for()
    page.get_by_text("hold_slot").first.wait_for()
    page.get_by_role("button", name="Descending").click()
    page.get_by_role("button", name="Ascending").wait_for()
    page.wait_for_timeout(QUIET_MS)


def browser_on_path() -> str:
    for name in BROWSERS:
        found = shutil.which(name)
        if found is not None:
            return found
    sys.exit(f"No {BROWSERS[0]} on PATH: apt-get install chromium")


if __name__ == "__main__":
    main()
