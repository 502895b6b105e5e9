"""What a new user does wrong ends in one clear sentence; what is done is not done again.

Each test runs the real program in a small clone of its own, whose lock is empty or names one package.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from tools.setup import newer_python, too_old

ROOT = Path(__file__).resolve().parents[3]

ONE_PACKAGE = "tqdm==4.67.1 \\\n    --hash=sha256:26445eca388f82e72884e0d580d5464cd801a3ea01e63e5601bdff9ba6a48de2\n"
NO_NETWORK = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_INDEX_URL": "http://127.0.0.1:1/simple",
    "PIP_RETRIES": "0",
    "PIP_NO_CACHE_DIR": "1",
}


class Clone:
    """A folder with what set-up needs of this project."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "sagews").mkdir(parents=True)
        for name in ("__init__.py", "errors.py"):
            shutil.copy(ROOT / "sagews" / name, root / "sagews" / name)
        shutil.copytree(ROOT / "tools", root / "tools", ignore=shutil.ignore_patterns("__pycache__"))
        self.lock("")

    @classmethod
    def at(cls, root: Path) -> Clone:
        """The clone that is there already."""
        clone = cls.__new__(cls)
        clone.root = root
        return clone

    def lock(self, text: str) -> None:
        (self.root / "requirements.txt").write_text(text)

    def setup(
        self,
        *goals: str,
        changes: Mapping[str, str] = MappingProxyType({}),
        user: int | None = None,
        python: str = sys.executable,
    ) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.defpath, "HOME": str(self.root), **changes}
        command = [python, str(self.root / "tools" / "setup.py"), *(goals or ("runtime",))]
        return subprocess.run(
            command, env=environment, cwd="/", capture_output=True, text=True, timeout=100, check=False, user=user
        )


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a set-up that failed says."""
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clone")


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone that is set up, to be copied: making an environment takes seconds."""
    made = Clone(tmp_path_factory.mktemp("model") / "clone")
    done = made.setup()
    assert done.returncode == 0, done.stderr
    return made.root


@pytest.fixture
def ready(model: Path, tmp_path: Path) -> Clone:
    """A clone that is set up and in its place."""
    copy = tmp_path / "ready"
    shutil.copytree(model, copy, symlinks=True)
    (copy / ".setup" / "stamps" / "place").write_text(str(copy))
    return Clone.at(copy)


def test_the_first_time_makes_and_the_second_does_nothing(clone: Clone) -> None:
    first = clone.setup()
    assert first.returncode == 0, first.stderr
    assert "[1/2] Making a Python environment" in first.stdout
    assert "[2/2] Installing Sage" in first.stdout
    made = (clone.root / ".venv" / "pyvenv.cfg").stat().st_mtime_ns
    second = clone.setup()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert (clone.root / ".venv" / "pyvenv.cfg").stat().st_mtime_ns == made


def test_a_changed_lock_is_installed_again(ready: Clone) -> None:
    ready.lock("# changed\n")
    again = ready.setup()
    assert again.returncode == 0, again.stderr
    assert "[1/1] Installing" in again.stdout


def test_a_set_up_that_was_cut_off_is_redone(ready: Clone) -> None:
    half = ready.root / ".venv" / "half-written"
    half.touch()
    (ready.root / ".setup" / "stamps" / "runtime").unlink()
    (ready.root / ".setup" / "stamps" / "runtime.unfinished").touch()
    again = ready.setup()
    assert again.returncode == 0, again.stderr
    assert "[1/2] Making" in again.stdout
    assert not half.exists()


def test_killed_while_it_installs_it_starts_over(ready: Clone) -> None:
    """The mark is there from before pip starts: kill the program as soon as it has begun."""
    ready.lock("# changed\n")
    pip = (
        ready.root
        / ".venv"
        / "lib"
        / f"python{sys.version_info.major}.{sys.version_info.minor}"
        / "site-packages"
        / "pip"
    )
    (pip / "__main__.py").write_text("import os, signal; os.kill(os.getppid(), signal.SIGKILL)")
    killed = ready.setup()
    assert killed.returncode == -9
    again = ready.setup()
    assert again.returncode == 0, again.stderr
    assert "[1/2] Making" in again.stdout


def test_another_version_of_python_makes_another_environment(ready: Clone) -> None:
    (ready.root / ".setup" / "stamps" / "venv").write_text("cpython-310-3.10")
    again = ready.setup()
    assert again.returncode == 0, again.stderr
    assert "[1/2] Making" in again.stdout


def test_a_moved_folder_works_and_its_scripts_too(model: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(model, moved, symlinks=True)
    clone = Clone.at(moved)
    again = clone.setup()
    assert again.returncode == 0, again.stderr
    assert "new place" in again.stdout
    done = subprocess.run([moved / ".venv" / "bin" / "pip", "--version"], capture_output=True, text=True, check=True)
    assert str(moved) in done.stdout
    assert clone.setup().stdout == ""


def test_without_network(clone: Clone) -> None:
    clone.lock(ONE_PACKAGE)
    said = sentence(clone.setup(changes=NO_NETWORK))
    assert "cannot be reached" in said
    assert ".setup/logs/pip.log" in said
    assert "tqdm" in (clone.root / ".setup" / "logs" / "pip.log").read_text()


def test_after_a_failure_without_network_the_environment_is_kept(ready: Clone) -> None:
    ready.lock(ONE_PACKAGE)
    assert "cannot be reached" in sentence(ready.setup(changes=NO_NETWORK))
    ready.lock("")
    again = ready.setup()
    assert again.returncode == 0, again.stderr
    assert "[1/1] Installing" in again.stdout


def test_without_the_venv_module(clone: Clone, tmp_path: Path) -> None:
    """As on a Debian without python3-venv: the module ensurepip is not there."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(name, path=None, target=None):\n"
        "        if name == 'ensurepip':\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent)\n"
    )
    said = sentence(clone.setup(changes={"PYTHONPATH": str(tmp_path)}))
    assert "sudo apt install python3-venv" in said
    assert not (clone.root / ".venv").exists()


def test_without_room_on_the_disk(clone: Clone) -> None:
    machine = clone.root / "tools" / "installation" / "machine.py"
    machine.write_text(machine.read_text().replace("NEEDED_BYTES = 6 * 10**9", "NEEDED_BYTES = 6 * 10**18"))
    assert "GB free" in sentence(clone.setup())


@pytest.fixture
def open_clone() -> Iterator[Clone]:
    """A clone that another user can read (folders of tests are private)."""
    folder = Path(tempfile.mkdtemp(prefix="sagews-setup-"))
    folder.chmod(0o755)
    yield Clone(folder / "clone")
    shutil.rmtree(folder)


def test_without_write_permission(open_clone: Clone) -> None:
    if os.geteuid() == 0:
        # Root may write everywhere, so another user tries; it needs a Python that it can reach.
        reachable = next((name for name in ("/usr/bin/python3", sys.executable) if _runs_as_nobody(name)), None)
        if reachable is None:
            pytest.skip("no Python that another user can run")
        said = sentence(open_clone.setup(user=65534, python=reachable))
    else:
        open_clone.root.chmod(0o555)
        said = sentence(open_clone.setup())
        open_clone.root.chmod(0o755)
    assert "cannot write into its own folder" in said


def _runs_as_nobody(python: str) -> bool:
    command = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    try:
        return subprocess.run(command, user=65534, cwd="/", check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def test_something_in_the_way_of_its_folder(clone: Clone) -> None:
    (clone.root / ".setup").write_text("a file")
    assert "cannot write into its own folder" in sentence(clone.setup())


def test_an_environment_behind_a_link_is_left_alone(clone: Clone) -> None:
    """Several work trees can share one environment; none of them may remake it."""
    (clone.root / ".venv").symlink_to(ROOT / ".venv")
    clone.lock(ONE_PACKAGE)
    done = clone.setup(changes=NO_NETWORK)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_link_to_nothing(clone: Clone) -> None:
    (clone.root / ".venv").symlink_to(clone.root / "nothing")
    assert "leads to no Python environment" in sentence(clone.setup())


def test_an_unknown_goal(clone: Clone) -> None:
    assert "no goal 'everything'" in sentence(clone.setup("everything"))


def test_python_too_old_names_a_newer_one(tmp_path: Path) -> None:
    (tmp_path / "python3.12").touch(mode=0o755)
    assert newer_python(f"/nonexistent:{tmp_path}") == "python3.12"
    said = too_old((3, 9, 2), "/usr/bin/python3", newer_python(str(tmp_path)))
    assert "needs Python 3.11 or newer, and /usr/bin/python3 is 3.9" in said
    assert "make run PYTHON=python3.12" in said


def test_python_new_enough_is_no_complaint() -> None:
    assert too_old((3, 11, 0), "python3", "") == ""
    assert newer_python("/nonexistent") == ""
