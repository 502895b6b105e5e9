"""Promise: a free port is chosen once, and told."""

from __future__ import annotations

from pathlib import Path

from sagews.component import Instance
from sagews.component.ports import choose_ports
from sagews.configuration import Configuration
from sagews.configuration.components import LoadBalancer
from sagews.configuration.hosts import HERE
from sagews.configuration.run_files import read_status


def test_a_free_port_is_kept_and_told(tmp_path: Path) -> None:
    configuration = Configuration(data_folder=tmp_path, loadbalancer=LoadBalancer(port=0, http_port=80))
    instance = Instance("loadbalancer", 1, HERE)
    configuration.run_folder_of("loadbalancer", 1).mkdir(parents=True)
    ports = choose_ports(configuration, instance, "127.0.0.1", ("port", "http_port"))
    assert ports["port"] > 0
    assert ports["http_port"] == 81, "the second instance on this machine"
    assert choose_ports(configuration, instance, "127.0.0.1", ("port", "http_port")) == ports
    assert read_status(configuration.status_file("loadbalancer", 1))["port"] == ports["port"]
