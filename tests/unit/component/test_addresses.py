"""Promise: the addresses of a site are those of its load balancers, under the name that it was asked for by."""

from __future__ import annotations

from pathlib import Path

from sagews.component.addresses import site_addresses
from sagews.configuration import Configuration, Site
from sagews.configuration.components import LoadBalancer
from sagews.configuration.hosts import HERE, Host
from sagews.configuration.run_files import tell_status


def site(
    *names: str, hosts: tuple[str, ...] = (HERE, HERE), port: int = 8443, addresses: tuple[str, ...] = ()
) -> Configuration:
    return Configuration(
        site=Site(profile="site", names=names or ("sage.example",), addresses=addresses),
        hosts={HERE: Host(), "second": Host(address="10.0.0.2")},
        loadbalancer=LoadBalancer(hosts=hosts, port=port),
    )


def test_each_load_balancer_has_one() -> None:
    assert site_addresses(site()) == ("https://sage.example:8443", "https://sage.example:8444")


def test_they_are_those_of_the_name_that_was_used() -> None:
    both = site("sage.example", "127.0.0.1", "::1")
    assert site_addresses(both, "127.0.0.1") == ("https://127.0.0.1:8443", "https://127.0.0.1:8444")
    assert site_addresses(both, "::1") == ("https://[::1]:8443", "https://[::1]:8444")
    assert len(site_addresses(both, "elsewhere")) == 6


def test_the_same_port_on_two_machines_is_one_address_and_443_is_not_written() -> None:
    assert site_addresses(site(hosts=(HERE, "second"), port=443)) == ("https://sage.example",)


def test_the_operators_own_count_alone() -> None:
    own = ("https://a.example/", "https://B.example:444")
    assert site_addresses(site(addresses=own), "sage.example") == ("https://a.example", "https://b.example:444")


def test_a_port_that_was_chosen_is_told_by_the_load_balancer(tmp_path: Path) -> None:
    chosen = Configuration(
        data_folder=tmp_path,
        site=Site(profile="site", names=("a",)),
        loadbalancer=LoadBalancer(hosts=(HERE, HERE), port=0),
    )
    assert site_addresses(chosen) == ()
    file = chosen.status_file("loadbalancer", 1)
    file.parent.mkdir(parents=True)
    tell_status(file, port=4711)
    assert site_addresses(chosen) == ("https://a:4711",)


def test_a_solo_site_has_none() -> None:
    assert site_addresses(Configuration()) == ()
