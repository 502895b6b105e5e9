"""Promise: ports of a site that outgoing connections may take are found, and the mend names them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagews.admin.checks import outgoing_ports
from sagews.admin.finding import Weight
from sagews.admin.outgoing_ports import OutgoingPorts, written
from sagews.admin.site import WholeSite
from sagews.configuration import load


def kernel(folder: Path, span: str = "32768\t60999\n", reserved: str = "\n") -> OutgoingPorts:
    """A machine that is set so."""
    (folder / "ip_local_port_range").write_text(span)
    (folder / "ip_local_reserved_ports").write_text(reserved)
    return OutgoingPorts.of_this_machine(folder)


def site(folder: Path, settings: str) -> WholeSite:
    """One whose ports are those of `sagews init`, but for the settings."""
    file = folder / "sagews.toml"
    file.write_text(f'site.profile = "site"\n{settings}\n')
    return WholeSite(load(file, {}), file)


@pytest.mark.parametrize(
    ("reserved", "found"),
    [
        ("\n", (32768, 40000, 60999)),
        ("40000\n", (32768, 60999)),
        ("39990-40010,60999\n", (32768,)),
        ("1-65535\n", ()),
    ],
)
def test_ports_within_the_range_that_are_not_reserved_are_found(
    tmp_path: Path, reserved: str, found: tuple[int, ...]
) -> None:
    assert kernel(tmp_path, reserved=reserved).among([60999, 61000, 40000, 32767, 32768]) == found


def test_the_mend_keeps_what_is_reserved_already(tmp_path: Path) -> None:
    outgoing = kernel(tmp_path, reserved="33000-33001,50000\n")
    expected = "sysctl -w net.ipv4.ip_local_reserved_ports=33000-33002,40000,50000"
    assert outgoing.mend([40000, 33002]) == expected


def test_ports_are_written_as_the_kernel_does() -> None:
    assert written([5, 3, 4, 9, 7, 8, 1]) == "1,3-5,7-9"
    assert written([]) == ""


def test_where_the_kernel_does_not_tell_nothing_is_claimed(tmp_path: Path) -> None:
    assert OutgoingPorts.of_this_machine(tmp_path / "no such folder").among(range(65536)) == ()


def test_check_names_the_ports_of_the_site_and_the_mend(tmp_path: Path) -> None:
    settings = "backend.port = 40000\nlogserver.monitoring_port = 50000"
    (finding,) = outgoing_ports(site(tmp_path, settings), kernel(tmp_path))
    assert finding.weight is Weight.DOUBTFUL
    assert "The ports 40000-40002,50000 are of those (32768 to 60999)" in finding.what
    assert "sysctl -w net.ipv4.ip_local_reserved_ports=40000-40002,50000" in finding.mend


def test_check_is_content_with_ports_outside_and_with_any_free_one(tmp_path: Path) -> None:
    (finding,) = outgoing_ports(site(tmp_path, "backend.port = 0"), kernel(tmp_path))
    assert finding.weight is Weight.GOOD
