"""Promises: what stands in HAProxy's file follows from the site's configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sagews.certificates import Identity
from sagews.component import Instance
from sagews.configuration import Backend, Configuration, Site
from sagews.configuration.components import LoadBalancer, StaticServer
from sagews.configuration.hosts import HERE, Host
from sagews.errors import SetupError
from sagews.loadbalancer.configured import Files, configured

FILES = Files(
    certificate=Path("/c/public.pem"),
    maintenance=Path("/c/page.html"),
    identity=Identity(certificate=Path("/c/own.pem"), authority=Path("/c/authority.pem")),
)
SITE = Configuration(
    site=Site(profile="site"),
    hosts={HERE: Host(), "second": Host(address="10.0.0.2")},
    backend=replace(Backend(), hosts=(HERE, HERE, "second"), port=8765),
    loadbalancer=LoadBalancer(hosts=(HERE, "second"), port=443, http_port=80),
    staticserver=StaticServer(hosts=("second",)),
)


def text_of(configuration: Configuration = SITE, number: int = 0, http_port: int = 80) -> str:
    host = configuration.loadbalancer.hosts[number]
    ports = {"port": configuration.loadbalancer.port, "http_port": http_port}
    return configured(configuration, Instance("loadbalancer", number, host), ports, FILES)


def test_backends_are_reached_where_they_are_and_known_by_their_machine() -> None:
    text = text_of()
    assert "server backend.0 127.0.0.1:8765 verifyhost sagews_backend\n" in text
    assert "server backend.1 127.0.0.1:8766 verifyhost sagews_backend\n" in text
    assert "server backend.2 10.0.0.2:8765 verifyhost sagews_backend\n" in text


def test_only_the_static_server_of_the_same_machine_is_used() -> None:
    assert "server staticserver.0" not in text_of(number=0)
    assert "server staticserver.0 127.0.0.1:8600 check" in text_of(number=1)


def test_published_pages_come_from_nginx_where_a_backend_lays_them_out() -> None:
    assert "path_beg /static/ /nbextensions/ /published/ }" in text_of(number=1)
    alone = replace(SITE, backend=replace(SITE.backend, hosts=(HERE,)))
    assert "path_beg /static/ /nbextensions/ }" in text_of(alone, number=1)


def test_browsers_are_told_to_insist_on_https_only_where_they_know_the_certificate() -> None:
    assert "Strict-Transport-Security" not in text_of()
    own = replace(SITE, loadbalancer=replace(SITE.loadbalancer, certificate="/etc/own.pem"))
    assert "Strict-Transport-Security" in text_of(own)


def test_plain_http_is_answered_only_where_that_is_wanted() -> None:
    assert "regsub(:[0-9]*$,,)]%[capture.req.uri]" in text_of(), "443 is not written"
    assert "frontend plain" not in text_of(http_port=0)


def test_a_path_that_could_end_its_quotes_is_refused() -> None:
    wrong = replace(FILES, certificate=Path("/it's/public.pem"))
    with pytest.raises(SetupError):
        configured(SITE, Instance("loadbalancer", 0, HERE), {"port": 443, "http_port": 0}, wrong)
