"""How full the disk of `PRIYOM_HOME` is: the one that servers of ours write to."""

import shutil
from pathlib import Path

from prometheus_client import Gauge

FREE = Gauge("priyom_disk_free_bytes", "Free on the disk that PRIYOM_HOME is on.")
SIZE = Gauge("priyom_disk_size_bytes", "Size of the disk that PRIYOM_HOME is on.")


def watch_disk(home: Path) -> None:
    """Look at it whenever somebody asks; of a home that is not there, at the folder above."""
    place = next(each for each in (home.absolute(), *home.absolute().parents) if each.exists())
    FREE.set_function(lambda: shutil.disk_usage(place).free)
    SIZE.set_function(lambda: shutil.disk_usage(place).total)
