"""What a zygote imports and tries out before it forks: its environments.

Invariant: what is done here leaves no thread and no open connection behind.
"""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import subprocess
from typing import Any

from sagews.worker import session_comms, session_shell

PYTHON_MODULES = (
    "numpy",
    "numpy.random",
    "scipy",
    "scipy.linalg",
    "matplotlib",
    "matplotlib.pyplot",
    "sympy",
    "ipywidgets",
)
"""What the environment `python` has ready, where it is installed."""

PLAIN_CELLS = ["1+1", "print('a')", "from IPython.display import display, HTML; display(HTML('a'))"]
PLOT_CELLS = [
    "import matplotlib.pyplot as plt\n_f = plt.figure(); plt.plot([1,2],[3,4]); display(_f); plt.close(_f); del _f"
]
SAGE_CELLS = [
    "factor(2^64+1)",
    "plot(sin, (0, 7))",
    "integrate(sin(x)^2, x)",
    "show(integrate(sin(x)^2, x))",
    "matrix([[1,2],[3,4]]).det()",
    "libgap.SymmetricGroup(3).Order()",
]


def preload(environment: str, kind: str, modules: list[str]) -> session_shell.SessionShell:
    """Import an environment and warm its shell.

    :param environment: its name; what is told of itself.
    :param kind: "sage", "python", or "bare" (nothing but `modules`).
    :param modules: to import besides.
    :raises ImportError: where one of them is not there.
    """
    shell = _sage() if kind == "sage" else _python(environment, scientific=kind == "python")
    for name in modules:
        importlib.import_module(name)
    return shell


def _python(environment: str, *, scientific: bool) -> session_shell.SessionShell:
    shell: session_shell.SessionShell = session_shell.SessionShell.instance()
    shell.comms = session_comms.install(shell)
    shell.implementation = (environment, "")
    cells = list(PLAIN_CELLS)
    if scientific:
        for name in PYTHON_MODULES:
            if importlib.util.find_spec(name.partition(".")[0]):
                importlib.import_module(name)
        cells += PLOT_CELLS if importlib.util.find_spec("matplotlib") else []
    session_shell.warm(shell, cells)
    return shell


def _sage() -> session_shell.SessionShell:
    """Sage, as its own notebook kernel sets it up."""
    importlib.import_module("sage.all")
    interpreter = importlib.import_module("sage.repl.interpreter")
    extension = importlib.import_module("sage.repl.ipython_extension")
    kind: Any = type("SageSessionShell", (session_shell.SessionShell, interpreter.SageNotebookInteractiveShell), {})
    shell: session_shell.SessionShell = kind.instance()
    shell.comms = session_comms.install(shell)
    extension.SageJupyterCustomizations(shell)
    _choose_cython(shell)
    shell.implementation = ("sage", importlib.import_module("sage.env").SAGE_VERSION)
    session_shell.warm(shell, PLAIN_CELLS + SAGE_CELLS)
    return shell


def _choose_cython(shell: session_shell.SessionShell) -> None:
    """Have `%%cython` be Cython's own where Sage's cannot compile; which of them is found out when it is first used."""
    of_sage = shell.find_cell_magic("cython")

    def cython(line: str, cell: str) -> object:
        if _has_headers():
            return of_sage(line, cell)
        shell.run_line_magic("load_ext", "Cython")  # it takes the place of this function
        return shell.run_cell_magic("cython", line, cell)

    shell.register_magic_function(cython, "cell", "cython")


def _has_headers() -> bool:
    """Whether those of Sage's libraries are installed (`sage.env.cython_aliases`); wheels come without them."""
    program = shutil.which("pkg-config")
    return program is not None and subprocess.run([program, "--exists", "fflas-ffpack"], check=False).returncode == 0
