"""Names, origins and addresses of a site."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagews.backend.entrance import Entrance, forwarded_for, name_of
from sagews.configuration import load

SITE = """
[site]
profile = "site"
names = ["sage.example.org", "192.0.2.7"]
[loadbalancer]
port = 9000
"""


@pytest.fixture
def entrance(tmp_path: Path) -> Entrance:
    """Of a backend of a site with two load balancers."""
    (tmp_path / "sagews.toml").write_text(SITE)
    return Entrance(load(tmp_path / "sagews.toml", {}))


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("", ""),
        ("192.0.2.1", "192.0.2.1"),
        ("198.51.100.1, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, nonsense", ""),
        ("2001:db8::1", "2001:db8::1"),
        ("192.0.2.1,", ""),
    ],
)
def test_only_the_last_forwarded_address_is_believed(header: str, address: str) -> None:
    assert forwarded_for(header) == address


@pytest.mark.parametrize(
    ("host", "name"), [("a.example", "a.example"), ("a.example:8443", "a.example"), ("[::1]:8443", "::1"), ("", "")]
)
def test_a_name_has_no_port(host: str, name: str) -> None:
    assert name_of(host) == name


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        ("https://sage.example.org", True),
        ("https://sage.example.org:9000", True),
        ("https://192.0.2.7:9001", True),
        ("https://sage.example.org:9002", False),
        ("http://sage.example.org:9000", False),
        ("https://example.org:9000", False),
        ("https://sage.example.org.attacker.example:9000", False),
        ("https://sage.example.org:99999", False),
        ("null", False),
        ("", False),
    ],
)
def test_pages_of_the_site_come_from_its_load_balancers(entrance: Entrance, origin: str, own: bool) -> None:
    assert entrance.is_own_origin(origin) is own


def test_a_page_of_the_address_that_is_asked_is_own_by_https_only(entrance: Entrance) -> None:
    host = "sage.example.org:10443"
    assert entrance.is_own_page("https://sage.example.org:10443", host)
    assert not entrance.is_own_page("http://sage.example.org:10443", host)


def test_a_client_gets_the_address_by_which_it_came_first(entrance: Entrance) -> None:
    first, second = "https://sage.example.org:9000", "https://sage.example.org:9001"
    assert entrance.addresses("https", "sage.example.org:9000") == (first, second)
    assert entrance.addresses("https", "sage.example.org:9001") == (second, first)
    # Something else stands before the site, and only that knows the ways to it.
    assert entrance.addresses("https", "sage.example.org") == ("https://sage.example.org",)


def test_a_site_for_one_person_has_one_address(tmp_path: Path) -> None:
    (tmp_path / "sagews.toml").write_text("")
    entrance = Entrance(load(tmp_path / "sagews.toml", {}))
    assert entrance.addresses("http", "127.0.0.1:8765") == ("http://127.0.0.1:8765",)
    assert not entrance.is_own_origin("http://127.0.0.1:8765")
    assert entrance.is_own_page("http://127.0.0.1:8765", "127.0.0.1:8765")
