"""Finds a Chromium, for the browser tests and the screenshots only."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
HOW_TO_GET = "apt-get install chromium"


def find_chromium() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)
