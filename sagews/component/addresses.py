"""The addresses of a site: what browsers and scripts reach it by, one for each load balancer."""

from __future__ import annotations

from sagews.component.instance import instances, port_of
from sagews.configuration import Configuration
from sagews.configuration.run_files import read_status

HTTPS_PORT = 443


def site_addresses(configuration: Configuration, name: str = "") -> tuple[str, ...]:
    """Origins (RFC 6454) of a site, such as ``https://sage.example:8443``, the best first; none in the solo profile.

    :param name: what the asker calls the site, without port: its addresses are those under that name, because a
        sign-in is good for one name, with all its ports (RFC 6265, section 8.5). "", or none of the site's names: all
        names.
    """
    if configuration.is_solo:
        return ()
    chosen = configuration.site
    if chosen.addresses:
        return tuple(dict.fromkeys(address.rstrip("/").lower() for address in chosen.addresses))
    names = [known for known in chosen.names if known.lower() == name.lower()] or chosen.names
    return tuple(dict.fromkeys(_origin(known, port) for known in names for port in _ports(configuration)))


def _ports(configuration: Configuration) -> list[int]:
    found = []
    for instance in instances(configuration, "loadbalancer"):
        told = read_status(configuration.status_file(instance.component, instance.number)).get("port", 0)
        port = port_of(configuration, instance) or told
        if port:
            found.append(port)
    return found


def _origin(name: str, port: int) -> str:
    host = f"[{name}]" if ":" in name else name.lower()
    return f"https://{host}" + ("" if port == HTTPS_PORT else f":{port}")
