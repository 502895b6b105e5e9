"""Settings of the machines that a site runs on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sagews.configuration.declare import setting

ADDRESS = r"[0-9A-Za-z.:-]{1,255}"
ADDRESS_ALLOWED = "an IP address or host name"
HERE = "localhost"


@dataclass(frozen=True, kw_only=True)
class Host:
    """One machine of the site."""

    address: str = setting(
        "127.0.0.1", "Where the other machines reach its components.", matches=ADDRESS, allowed=ADDRESS_ALLOWED
    )
    ssh: str = setting(
        "",
        "How OpenSSH reaches it; empty = it is the machine on which `sagews` is used.",
        matches=r"([A-Za-z0-9_.-]+@)?[0-9A-Za-z.:-]{1,255}|",
        allowed="`USER@HOST`, a name of ssh's own configuration, or empty",
    )
    ssh_port: int = setting(22, "Port of its OpenSSH server.", at_least=1, at_most=65535)
    ssh_key: str = setting(
        "",
        "File of the private key for OpenSSH; empty = ssh's own choice.",
        matches=r"(/.+)?",
        allowed="a path, or empty",
    )
    program: str = setting(
        "",
        "Folder in which sagews is installed there (the clone); empty = the same as here.",
        matches=r"(/.+)?",
        allowed="an absolute path, or empty",
    )
    data_folder: str = setting(
        "",
        "The site's folder there; empty = the same as here.",
        matches=r"(/.+)?",
        allowed="an absolute path, or empty",
    )


HOSTS: Mapping[str, Host] = {HERE: Host()}
