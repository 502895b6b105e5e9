"""Promise: the records of a real worker arrive, and it tells its figures to the site."""

from __future__ import annotations

import asyncio
import http.client
from dataclasses import replace

import pytest

from sagews.certificates import Role, client_context, identity_of
from sagews.configuration.run_files import read_status
from tests.integration.logserver.site import LogSite
from tests.waiting import eventually

pytestmark = pytest.mark.postgresql

WITHOUT_SAGE = """
[worker.environments.sage]
enabled = false
"""


async def test_a_worker_s_records_and_figures(site: LogSite) -> None:
    site = replace(site, more=WITHOUT_SAGE)
    configuration = site.make()
    await site.start_server()
    process = site.start("-m", "sagews.worker", "--config", str(site.file), "--instance", "1")
    status = configuration.status_file("worker", 1)
    port = await eventually(lambda: read_status(status).get("monitoring_port", 0), within_seconds=60)
    context = client_context(identity_of(configuration, Role.ADMIN))

    def get(path: str) -> str:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200
        text = answer.read().decode()
        connection.close()
        return text

    metrics = await asyncio.to_thread(get, "/metrics")
    assert f"sagews_worker_places {float(configuration.worker.maximum_sessions)}" in metrics.splitlines()
    assert "sagews_worker_sessions 0.0" in metrics.splitlines()
    assert await asyncio.to_thread(get, "/healthz") == "worker: well\n"
    (ready,) = await site.records("Worker is ready", at_least=1)
    assert (ready.component, ready.instance, ready.fields["pid"]) == ("worker", 1, process.pid)
    process.terminate()
    await asyncio.to_thread(process.wait, 30)
    await site.records("Worker is stopping", at_least=1)
