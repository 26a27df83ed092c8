"""The folder PRIYOM_HOME: state, data, logs and secrets of one stack."""

import fcntl
import hashlib
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from stack.accounts import Account, reachable_by_others
from stack.errors import BadWishError, StackError

CHECKOUT = Path(__file__).resolve().parent.parent
# A Unix socket's path must fit in 104 bytes on macOS and 108 on Linux.
LONGEST_SOCKET_PATH = 100


def write_private(path: Path, content: str) -> None:
    """Replace the file at once; it is its owner's to read, from its first byte on."""
    made = path.with_name(f"{path.name}.{os.getpid()}.new")
    made.touch(mode=0o600)
    made.write_text(content)
    made.replace(path)


def private_folder(path: Path) -> Path:
    """A folder that nobody else may enter, also where it was made otherwise before."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


@dataclass(frozen=True)
class Home:
    """One stack. Two homes are two independent stacks, even of one checkout."""

    root: Path

    @classmethod
    def from_environment(cls) -> "Home":
        root = Path(os.environ.get("PRIYOM_HOME") or ".priyom").absolute()
        try:
            str(root).encode()
        except UnicodeEncodeError:  # run.json could not name it
            raise BadWishError(f"PRIYOM_HOME is not UTF-8: {os.fsencode(root)!r}") from None
        return cls(root)

    @property
    def run_file(self) -> Path:
        return self.root / "run.json"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def lock_file(self) -> Path:
        return self.root / "supervisor.lock"

    @property
    def control_socket(self) -> Path:
        inside = self.root / "control.sock"
        if len(os.fsencode(inside)) <= LONGEST_SOCKET_PATH:
            return inside
        return Path(tempfile.gettempdir(), f"priyom-{os.getuid()}-{self._digest}", "control.sock")

    def is_locked(self) -> bool:
        """Whether a supervisor runs this home. It holds the lock as long as it lives."""
        with self.lock_file.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def create(self) -> None:
        private_folder(self.logs)
        self.control_socket.parent.mkdir(mode=0o700, exist_ok=True)
        owner = self.control_socket.parent.stat().st_uid
        if owner != os.getuid():
            raise StackError(f"{self.control_socket.parent} belongs to user {owner}, not to us")

    def secret(self, name: str) -> str:
        """The secret of that name. It is created once, readable by its owner only."""
        path = self.root / name
        if not path.exists():
            write_private(path, secrets.token_hex(32))
        return path.read_text().strip()

    def postgres_folder(self, account: Account | None) -> Path:
        """The parent of PostgreSQL's data: outside the home if its account cannot enter that."""
        if account is None or reachable_by_others(self.root):
            return self.root
        return Path("/var/tmp", f"priyom-{self._digest}")  # noqa: S108 - ours, checked in claim()

    def data_folders(self) -> list[Path]:
        """Everything that `make reset` deletes."""
        outside = [Path("/var/tmp", f"priyom-{self._digest}")]  # noqa: S108 - named by our digest
        if self.control_socket.parent != self.root:
            outside.append(self.control_socket.parent)
        return [path for path in (self.root, *outside) if path.exists()]

    def delete(self) -> None:
        for folder in self.data_folders():
            shutil.rmtree(folder)

    @property
    def _digest(self) -> str:
        return hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]
