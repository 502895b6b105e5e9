"""Files that act on whoever opens them: settings, hooks and filters of git, and notebooks.

A session leaves them in its workspace; the worker, which has to read, version and lay out all files, does just that.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from sagews.client.worker import WorkerClient
from sagews.messages import commands
from sagews.messages.connection import Done
from sagews.messages.files import FileEntries
from sagews.messages.history import (
    GoBack,
    HistoryList,
    HistoryListed,
    VersionChanged,
    VersionChanges,
    VersionFiles,
    WentBack,
)
from sagews.messages.workspace import OpenWorkspace
from sagews.worker.settings import WorkerSettings
from tests.integration.workerserver.conftest import Make, OwnServer
from tests.integration.workerserver.peer import Peer
from tests.integration.workerserver.test_files import Bulk

GIT = """
import os, pathlib, subprocess
here = pathlib.Path.cwd()
subprocess.run(["git", "init", "--quiet"], check=True)
evil = here / "evil"
evil.write_text("#!/bin/sh\\ntouch {harm}\\ncat\\n")
evil.chmod(0o755)
settings = f'''
[core]
    fsmonitor = {{evil}}
    hooksPath = {{here}}/.git/hooks
    pager = {{evil}}
    sshCommand = {{evil}}
[filter "evil"]
    clean = {{evil}}
    smudge = {{evil}}
    required = true
[diff "evil"]
    textconv = {{evil}}
    command = {{evil}}
[diff]
    external = {{evil}}
'''
(here / ".config" / "git").mkdir(parents=True)
for name in (".git/config", ".gitconfig", ".config/git/config"):
    with open(name, "a") as file:
        file.write(settings)
for name in ("pre-commit", "post-commit", "post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc"):
    hook = here / ".git" / "hooks" / name
    hook.unlink(missing_ok=True)
    hook.symlink_to(evil)
pathlib.Path(".gitattributes").write_text("* filter=evil diff=evil\\n")
pathlib.Path("a").write_text("1")
"""


async def opened(server: OwnServer, files: str = "w1") -> Peer:
    """A kept workspace."""
    peer = await Peer.unix(server.socket)
    peer.say(OpenWorkspace(), workspace=files, epoch=1, request=1)
    await peer.hear_kind(Done)
    return peer


async def test_git_of_the_worker_obeys_nothing_in_a_workspace(own_server: Make, tmp_path: Path) -> None:
    server, harm = await own_server(WorkerSettings()), tmp_path / "harm"
    peer = await opened(server)
    files = server.data / "workspaces" / "w1" / "files"
    async with WorkerClient.unix(server.socket) as client:
        session = await client.open_session("python", workspace="w1")
        assert (await session.evaluate(GIT.format(harm=harm))).status == "ok"
        await session.close()
    bulk = Bulk(await Peer.unix(server.socket, "bulk"), "w1")
    for text in ("1", "2"):
        (files / "a").write_text(text)
        await bulk.ask(HistoryList())
    listed = await bulk.ask(HistoryList())
    assert isinstance(listed, HistoryListed)
    newest, oldest = listed.versions
    entries = await bulk.ask(VersionFiles(oldest.version))
    assert isinstance(entries, FileEntries)
    assert {"a", ".gitattributes", ".gitconfig"} <= {one.path for one in entries.entries}
    assert isinstance(await bulk.ask(VersionChanges(newest.version)), VersionChanged)
    assert isinstance(await bulk.ask(GoBack(oldest.version)), WentBack)
    assert (files / "a").read_text() == "1"
    assert not harm.exists()
    home = {**os.environ, "HOME": str(files)}
    subprocess.run(["git", "add", "a"], cwd=files, env=home, stdin=subprocess.DEVNULL, capture_output=True)
    assert harm.exists(), "the trap is none"
    await bulk.peer.close()
    await peer.close()


async def test_opening_a_notebook_runs_nothing_of_it(own_server: Make, tmp_path: Path) -> None:
    server, harm = await own_server(WorkerSettings()), tmp_path / "harm"
    peer = await opened(server)
    code = f"open({str(harm)!r}, 'w').close()"
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"name": "evil", "display_name": "evil", "language": "python", "argv": ["touch", str(harm)]},
            "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"__reduce__": code}}},
            "trusted": True,
        },
        "cells": [
            {
                "id": "one",
                "cell_type": "code",
                "source": code,
                "execution_count": 1,
                "metadata": {"trusted": True, "init_cell": True, "tags": ["initialize"]},
                "outputs": [
                    {
                        "output_type": "execute_result",
                        "execution_count": 1,
                        "metadata": {},
                        "data": {"text/plain": f"!{code}", "application/x-python": code},
                    }
                ],
            }
        ],
    }
    (server.data / "workspaces" / "w1" / "files" / "evil.ipynb").write_text(json.dumps(notebook))
    async with WorkerClient.unix(server.socket) as client:
        channel = client.channel("w1")
        await channel.attach()
        await channel.command(commands.OpenDocument("evil.ipynb"))
        workspace, _ = server.server.workspaces.find("w1")
        [document] = workspace.documents
        assert document.path == "evil.ipynb"
        await workspace.checkpoints.keep_now()
        assert workspace.sessions == {}
    assert not harm.exists()
    await peer.close()
