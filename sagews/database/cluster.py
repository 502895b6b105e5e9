"""The files of the site's own PostgreSQL: its programs, its cluster, its configuration.

Invariants: a cluster is there whole or not at all (made beside its place, then renamed). It never loses what it has
committed (``fsync`` and ``full_page_writes`` are on). It lets in: by TLS with a role's own certificate and its password
our own roles only, by the Unix socket of its run folder root and its own user only.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagews.certificates import Identity
from sagews.certificates.contexts import CIPHERS
from sagews.certificates.folder import replace_file
from sagews.database.uses import NAME, Use
from sagews.errors import SetupError

SUPERUSER = "postgres"
"""Its first role; only by the Unix socket."""
INSTALLED = Path("/usr/lib/postgresql")
SOCKET_PATH_BYTES = 107
"""The longest path of a Unix socket (unix(7))."""
_INSTALL = "Install PostgreSQL 13 or later (Debian's package: postgresql), or name its folder in postgresql.programs."


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where a cluster is, whose, and how large it may grow."""

    folder: Path
    run_folder: Path
    user: str
    """Its Unix user; empty = the one who calls, who is not root then."""
    address: str
    port: int
    identity: Identity
    memory_megabytes: int
    maximum_connections: int
    programs_folder: str = ""

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def configuration_file(self) -> Path:
        """Our settings; ``operator.conf`` beside it is read after them where there is one."""
        return self.folder / "postgresql.conf"

    def program(self, name: str) -> Path:
        """One of PostgreSQL's programs: of the version that made the cluster, else the newest.

        :raises SetupError: it is not installed.
        """
        return find_program(name, self.programs_folder, self.data)

    def make(self) -> None:
        """Make the cluster if there is none, and write its configuration; repeatable.

        :raises SetupError: a program is missing or fails, or the paths are too long.
        """
        socket = self.run_folder / f".s.PGSQL.{self.port}.lock"
        if len(os.fsencode(socket)) > SOCKET_PATH_BYTES:
            raise SetupError(
                f"The path {socket} is too long for a Unix socket.", mend="Choose a data_folder with a shorter path."
            )
        if not self.data.exists():
            self._initialize()
        for name, text in (
            ("postgresql.conf", self._settings()),
            ("pg_hba.conf", self._doors()),
            ("pg_ident.conf", self._names()),
        ):
            replace_file(self.folder / name, text.encode(), user=self.user if os.geteuid() == 0 else "")

    def _initialize(self) -> None:
        for left in self.folder.glob(".new-*"):
            shutil.rmtree(left)
        made = self.folder / f".new-{os.getpid()}"
        command: list[str] = [str(self.program("initdb")), "-D", str(made), "-U", SUPERUSER, "-E", "UTF8", "-k"]
        command += ["--locale=C.UTF-8", "--auth-local=peer", "--auth-host=scram-sha-256", "--no-instructions"]
        told = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **self.run_as())
        if told.returncode:
            raise SetupError(f"The database could not be made: {told.stderr.strip()}.", mend="Mend that; start again.")
        made.replace(self.data)
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def run_as(self) -> dict[str, Any]:
        """For `subprocess`: as the cluster's own user, where root asks."""
        environment = {"LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath)}
        if os.geteuid() != 0:
            return {"env": environment}
        found = pwd.getpwnam(self.user)
        return {"env": environment, "user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}

    def _settings(self) -> str:
        memory = self.memory_megabytes
        settings: dict[str, str | int | Path] = {
            # where
            "data_directory": self.data,
            "hba_file": self.folder / "pg_hba.conf",
            "ident_file": self.folder / "pg_ident.conf",
            "listen_addresses": self.address,
            "port": self.port,
            "unix_socket_directories": f'"{self.run_folder}"',
            "unix_socket_permissions": "0700",
            "max_connections": self.maximum_connections,
            # who
            "ssl": "on",
            "ssl_cert_file": self.identity.certificate,
            "ssl_key_file": self.identity.certificate,
            "ssl_ca_file": self.identity.authority,
            "ssl_min_protocol_version": "TLSv1.2",
            "ssl_ciphers": CIPHERS,
            "password_encryption": "scram-sha-256",
            "authentication_timeout": "10s",
            # memory
            "shared_buffers": f"{memory}MB",
            "effective_cache_size": f"{2 * memory}MB",
            "maintenance_work_mem": f"{max(16, min(memory // 8, 1024))}MB",
            "work_mem": f"{max(4, min(4 * memory // self.maximum_connections, 64))}MB",
            # A commit that returned is on disk.
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "wal_compression": "on",
            "min_wal_size": "160MB",
            "max_wal_size": f"{max(512, min(4 * memory, 8192))}MB",
            "checkpoint_completion_target": "0.9",
            # Peers that are gone give their connections back.
            "tcp_keepalives_idle": 30,
            "tcp_keepalives_interval": 10,
            "tcp_keepalives_count": 3,
            "idle_in_transaction_session_timeout": "60s",
            "jit": "off",
            # Lines for the site's own log files; never with the values in them.
            "logging_collector": "off",
            "log_destination": "stderr",
            "log_line_prefix": "%m [%p] %q%u@%d ",
            "log_timezone": "UTC",
            "log_min_duration_statement": "1s",
            "log_parameter_max_length": 0,
            "timezone": "UTC",
            "lc_messages": "C.UTF-8",
        }  # fmt: skip
        lines = ["# Written by sagews before each start; put settings of your own into operator.conf beside this file."]
        lines += [f"{name} = {_quoted(value)}" for name, value in settings.items()]
        return "\n".join([*lines, "include_if_exists 'operator.conf'", ""])

    def _doors(self) -> str:
        """Each role comes with its own certificate; the one that only asks for the health, with the administrator's."""
        lines = [f"local   all {SUPERUSER} peer map=site"]
        for use in Use:
            check = "verify-full" if use.role == use.certificate.common_name else "verify-ca"
            lines.append(f"hostssl {NAME} {use.role} all scram-sha-256 clientcert={check}")
        return "\n".join([*lines, ""])

    def _names(self) -> str:
        own = self.user if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        return "".join(f'site "{name}" {SUPERUSER}\n' for name in dict.fromkeys((own, "root")))


def find_program(name: str, programs_folder: str = "", data: Path | None = None) -> Path:
    """One of PostgreSQL's programs.

    :param programs_folder: where it is; empty: where packages put it.
    :param data: a cluster, which only programs of the version that made it can read.
    :raises SetupError: it is not installed.
    """
    version_file = data / "PG_VERSION" if data else None
    version = version_file.read_text().strip() if version_file and version_file.exists() else ""
    for folder in _folders(programs_folder, version):
        if (folder / name).exists():
            return folder / name
    what = f"PostgreSQL {version}, whose cluster is in {data}," if version else "PostgreSQL"
    raise SetupError(f"{what} is not installed here: there is no {name}.", mend=_INSTALL)


def _folders(chosen: str, version: str) -> list[Path]:
    if chosen:
        return [Path(chosen)]
    if version:
        return [INSTALLED / version / "bin"]
    found = [path for path in INSTALLED.glob("*/bin") if path.parent.name.isdecimal()]
    on_path = shutil.which("postgres")
    newest_first = sorted(found, key=lambda path: int(path.parent.name), reverse=True)
    return newest_first + ([Path(on_path).resolve().parent] if on_path else [])


def _quoted(value: str | int | Path) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
