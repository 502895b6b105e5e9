"""What runs inside a zygote or a session runs under Sage's own Python, and survives a fork.

So it imports the standard library, IPython, ``sagews.messages`` and ``sagews.errors``, and
nothing that starts threads or holds an event loop, however deep: lazy imports count too.
"""

from __future__ import annotations

import sys

import grimp
import pytest

# The program that the worker starts; sessions are its forks.
START = "sagews.worker.zygote"
ROOMS = ("sagews.errors", "sagews.messages", "sagews.worker")
FOREIGN = {"IPython", "traitlets", "sage", "matplotlib", "numpy"}  # what environments bring, and IPython's own
FORK_BREAKS = {"asyncio", "concurrent", "multiprocessing", "threading"}
# A lock, for the threads that a person's program starts; it is made after the fork.
EXCEPTIONS = {"sagews.worker.session_output imports threading"}
ALLOWED = (set(sys.stdlib_module_names) | FOREIGN) - FORK_BREAKS


def inside_a_session(graph: grimp.ImportGraph) -> set[str]:
    found = {START} | graph.find_upstream_modules(START)
    return {name for name in found if name.split(".")[0] == "sagews"}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    graph = grimp.build_graph("sagews", include_external_packages=True, cache_dir=None)
    if "sagews.worker" not in graph.modules:
        pytest.skip("there is no worker yet")
    return graph


def test_the_fork_side_knows_only_its_own_rooms(graph: grimp.ImportGraph) -> None:
    strangers = {name for name in inside_a_session(graph) if not f"{name}.".startswith(tuple(f"{r}." for r in ROOMS))}
    assert strangers - {"sagews"} == set()


def test_the_fork_side_needs_only_what_is_there(graph: grimp.ImportGraph) -> None:
    faults = [
        f"{module} imports {imported}"
        for module in sorted(inside_a_session(graph))
        for imported in sorted(graph.find_modules_directly_imported_by(module))
        if imported.split(".")[0] not in ALLOWED | {"sagews"}
    ]
    assert set(faults) == EXCEPTIONS
