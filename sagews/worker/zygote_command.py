"""How a zygote is started: its command, and the clean environment that it and its sessions have."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sagews.worker.confinement_settings import ConfinementSettings
from sagews.worker.environment_settings import EnvironmentSettings

DOT_SAGE = ".sage"
"""Where Sage keeps what it makes, in the home: it notes the place when it is imported."""


def make_folders(data: Path) -> Path:
    """Make the zygote's own folder; returns its home, in which it is started."""
    home = data / "home"
    (home / DOT_SAGE).mkdir(parents=True, exist_ok=True)
    home.chmod(0o755)  # sessions, which may be other users, read what was cached in it; what is above is not shown
    return home


def command(
    settings: EnvironmentSettings, data: Path, descriptor: int, parent: int, confinement: ConfinementSettings
) -> list[str]:
    """The program and its arguments.

    :param data: the zygote's own folder.
    :param descriptor: of its socket.
    :param parent: process id of who starts it.
    """
    return [
        settings.python or sys.executable,
        "-m",
        "sagews.worker.zygote",
        f"--environment={settings.name}",
        f"--kind={settings.kind}",
        f"--preload={','.join(settings.preload)}",
        f"--socket-fd={descriptor}",
        f"--data={data}",
        f"--spares={settings.spares}",
        f"--parent={parent}",
        *confinement.as_arguments(),
    ]


def variables(settings: EnvironmentSettings, data: Path) -> dict[str, str]:
    """A clean environment: nothing of the worker's own."""
    home = data / "home"
    bin_folder = str(Path(settings.python or sys.executable).parent)
    return {
        "PATH": os.pathsep.join([bin_folder, "/usr/local/bin", "/usr/bin", "/bin"]),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "HOME": str(home),
        "DOT_SAGE": str(home / DOT_SAGE),
        "IPYTHONDIR": str(home / ".ipython"),
        "MPLCONFIGDIR": str(home / ".matplotlib"),
        "MPLBACKEND": "agg",
        "OPENBLAS_NUM_THREADS": "1",
        "CYSIGNALS_CRASH_QUIET": "1",
        "GC_MARKERS": "1",
        "PYTHONUTF8": "1",
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
    }
