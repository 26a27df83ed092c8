"""Where a Chromium is: the pages' tests and pictures need one, nothing else does."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
HOW_TO_GET = "apt-get install chromium"


def find_chromium() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)
