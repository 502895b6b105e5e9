"""How the static server is run: nginx in the foreground, plain HTTP on this machine's loopback only.

SIGHUP lets it read its configuration again, SIGQUIT lets it finish what it is sending. It needs no other: what it gives
is laid out in its own folder when it is prepared.
"""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from sagews.certificates.folder import PUBLIC_FILE, replace_file
from sagews.component import Component, Health, Instance
from sagews.component.addresses import site_addresses
from sagews.component.browser_files import CLIENT_FILES, SAGE_FILES
from sagews.component.headers import FOR_EVER, FRAME_POLICY, HASHED, HEADERS, PUBLISHED, page_policy
from sagews.component.ports import choose_ports
from sagews.component.programs import accept, find_program
from sagews.component.template import fill, quoted
from sagews.errors import SetupError, Unavailable
from sagews.staticserver.layout import PUBLIC_FOLDER, lay_out
from sagews.staticserver.leftovers import end_leftovers

TEMPLATE = Path(__file__).with_name("nginx.conf")
ADDRESS = "127.0.0.1"
SCENES = "threejs-sage"
PUBLISHED_FOLDER = "published"
ASSETS = "assets"
PATIENCE_SECONDS = 3.0
HTTP_OK = 200
MOST_PROCESSES = 4


class StaticServer(Component):
    """nginx: the browser's files and published workspaces."""

    name: ClassVar[str] = "staticserver"
    reads: ClassVar[tuple[str, ...]] = ("site", "loadbalancer.hosts", "loadbalancer.port")
    reload_takes_settings: ClassVar[bool] = True
    programs: ClassVar[Mapping[str, str]] = {"nginx": "nginx"}
    stop_signal: ClassVar[signal.Signals] = signal.SIGQUIT
    reload_signal: ClassVar[signal.Signals] = signal.SIGHUP

    def command(self, instance: Instance) -> Sequence[str]:
        return [_program(), "-p", str(self._state(instance)), "-e", "stderr", "-c", str(self._file(instance))]

    def prepare(self, instance: Instance) -> None:
        """:raises SetupError: nginx or the browser's files are missing, or nginx refuses its configuration."""
        state = self._state(instance)
        if not (CLIENT_FILES / "index.html").is_file():
            raise SetupError(
                "The browser's files are not built.", mend="Run `make run` or `make site`, which build them."
            )
        lay_out(CLIENT_FILES, state / "files" / "static")
        if (SAGE_FILES / SCENES).is_dir():
            lay_out(SAGE_FILES / SCENES, state / "files" / "nbextensions" / SCENES)
        self._prepare_published()
        port = choose_ports(self.configuration, instance, ADDRESS)["port"]
        part = state / "new.nginx.conf"
        replace_file(part, self._configured(instance, port).encode(), PUBLIC_FILE)
        accept(
            [_program(), "-t", "-q", "-p", str(state), "-e", "stderr", "-c", str(part)],
            f"configuration of {instance}",
            user=self.user,
        )
        part.replace(self._file(instance))
        end_leftovers(state.resolve())

    def _prepare_published(self) -> None:
        """The folder into which the backends of this machine lay out what is published, and what its pages need."""
        folder = self._published()
        folder.mkdir(mode=PUBLIC_FOLDER, exist_ok=True)
        if os.geteuid() == 0 and self.configuration.backend.user:
            with suppress(LookupError):  # a machine without backends
                shutil.chown(folder, self.configuration.backend.user)
        lay_out(CLIENT_FILES / PUBLISHED_FOLDER, folder / ASSETS)
        if (SAGE_FILES / SCENES).is_dir():
            lay_out(SAGE_FILES / SCENES, folder / ASSETS / SCENES)

    def answers(self, instance: Instance) -> Health:
        """:raises Unavailable: nginx does not answer, or has no files."""
        port = self.port(instance)
        connection = http.client.HTTPConnection(ADDRESS, port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("HEAD", "/static/index.html")
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{instance} does not answer on {ADDRESS}:{port} ({error}).") from error
        finally:
            connection.close()
        if status != HTTP_OK:
            raise Unavailable(
                f"{instance} answers on {ADDRESS}:{port} with status {status} instead of the site's page."
            )
        return Health(detail="answers", version=_version())

    def _configured(self, instance: Instance, port: int) -> str:
        state = self._state(instance)
        own = page_policy(addresses=site_addresses(self.configuration))
        frame = {"Content-Security-Policy": FRAME_POLICY, "Cross-Origin-Resource-Policy": "cross-origin"}
        return fill(
            TEMPLATE,
            instance=instance,
            pid=quoted(self.run_folder(instance).absolute() / "nginx.pid"),
            processes=min(os.cpu_count() or 1, MOST_PROCESSES),
            state=quoted(state),
            temporary=quoted(state / "temporary"),
            hashed=HASHED.replace("\\", "\\\\"),
            for_ever=FOR_EVER,
            listen=f"{ADDRESS}:{port}",
            files=quoted(state / "files"),
            published=quoted(self._published().parent),
            page_headers=_headers({"Content-Security-Policy": own}, "$how_long"),
            frame_headers=_headers(frame, "no-cache"),
            published_headers=_headers(PUBLISHED, "no-cache"),
        )

    def _state(self, instance: Instance) -> Path:
        return self.state_folder(instance).absolute()

    def _file(self, instance: Instance) -> Path:
        return self._state(instance) / "nginx.conf"

    def _published(self) -> Path:
        return self.configuration.data_folder.absolute() / PUBLISHED_FOLDER


def _headers(more: Mapping[str, str], how_long: str) -> str:
    told = {**HEADERS, **more, "Cache-Control": how_long}
    told.pop("Server")  # nginx does not let it be set; HAProxy's answers go out without it
    return "\n".join(f'            add_header {name} "{value}" always;' for name, value in told.items())


def _program() -> str:
    return find_program("nginx", package="nginx")


def _version() -> str:
    told = subprocess.run([_program(), "-v"], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    return told.stderr.strip().rpartition("/")[2]
