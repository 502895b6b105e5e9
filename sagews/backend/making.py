"""Makes a backend: its collaborators, as the configuration wants them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import sagews
from sagews.backend.audience import Audience
from sagews.backend.bell import Bell
from sagews.backend.collaborators import Backend
from sagews.backend.entrance import Entrance
from sagews.backend.guests import Guests
from sagews.backend.identity import Identity
from sagews.backend.mail import Mail
from sagews.backend.metrics import Metrics
from sagews.backend.news import News
from sagews.backend.placement import PAUSES, Placement
from sagews.backend.published_files import PublishedFiles
from sagews.backend.published_layout import PublishedLayout, published_folder
from sagews.backend.registration import Myself, Registration
from sagews.backend.rendering import Rendering
from sagews.backend.sockjs import Sessions
from sagews.backend.transfers import Transfers
from sagews.backend.worker_connection import WorkerConnection
from sagews.backend.worker_folders import WorkerFolders
from sagews.backend.worker_place import worker_places
from sagews.backend.worker_pool import WorkerPool
from sagews.certificates import Role, token_of
from sagews.component.instance import listening_place
from sagews.configuration import Configuration
from sagews.configuration.run_files import tell
from sagews.database.store import Store
from sagews.monitoring import CertificateEnd
from sagews.rates import Rate

TOKEN_FILE = "sign-in-token"


def make_backend(
    configuration: Configuration,
    store: Store,
    client_folder: Path,
    *,
    port: int,
    number: int = 0,
    pauses_seconds: Sequence[float] | None = None,
) -> Backend:
    """A backend with its real collaborators.

    :param port: where it listens.
    :param number: which backend of the site it is.
    :param pauses_seconds: see `Placement`; None = those that the profile needs.
    """
    if pauses_seconds is None:
        pauses_seconds = () if configuration.is_solo else PAUSES
    metrics, bell, audience, connections = Metrics(), Bell(), Audience(), Sessions()
    metrics.watch_cache(store.cache)
    metrics.registry.register(CertificateEnd(configuration, Role.BACKEND))
    chosen = configuration.backend
    workers = _workers(configuration, metrics, bell)
    pool = WorkerPool(workers, Placement(store, metrics, pauses_seconds=pauses_seconds, bell=bell), store, metrics)
    registration = Registration(_myself(configuration, number, port), store, workers, lambda: len(connections))
    folders = WorkerFolders(workers, store)
    files = PublishedFiles(store, configuration.site.name)
    published = PublishedLayout(store, files, published_folder(configuration))
    return Backend(
        configuration=configuration,
        store=store,
        workers=pool,
        identity=_identity(configuration, store, port),
        metrics=metrics,
        sign_in_rate=Rate(chosen.rate_limits.sign_in_attempts_per_minute, "attempts to sign in"),
        request_rate=Rate(chosen.rate_limits.requests_per_minute, "requests"),
        message_rate=Rate(chosen.rate_limits.messages_per_minute, "messages"),
        guests=Guests(chosen.maximum_unauthenticated, chosen.maximum_connections_per_account),
        transfers=Transfers(chosen.maximum_transfers),
        entrance=Entrance(configuration),
        audience=audience,
        registration=registration,
        news=News(store, pool, audience, registration, published, folders),
        folders=folders,
        published=published,
        rendering=Rendering(),
        mail=Mail(configuration),
        client_folder=client_folder,
        connections=connections,
    )


def _workers(configuration: Configuration, metrics: Metrics, bell: Bell) -> tuple[WorkerConnection, ...]:
    token = token_of(configuration, Role.BACKEND)
    return tuple(
        WorkerConnection(str(place.instance), place, metrics, token=token, bell=bell)
        for place in worker_places(configuration)
    )


def _myself(configuration: Configuration, number: int, port: int) -> Myself:
    address, _ = listening_place(configuration, "backend", number)
    return Myself(
        id=f"backend:{number}",
        address=f"{address}:{port}",
        version=sagews.__version__,
        capacity=configuration.backend.maximum_connections,
        is_only_one=configuration.is_solo,
    )


def _identity(configuration: Configuration, store: Store, port: int) -> Identity:
    """Who signs in how.

    In the cookie's name is a port, because cookies of one host go to every port of it (RFC 6265, section 8.5) and would
    replace those of another site on this machine. In a site it is the one of the load balancers' setting, and the
    prefix has browsers take it over HTTPS only and for no other host (RFC 6265bis, section 4.1.3.2).
    """
    lifetime = timedelta(days=configuration.backend.cookie_days)
    if configuration.is_solo:
        token = sign_in_token(configuration.run_folder)
        return Identity(store, cookie=f"sagews_{port}", cookie_lifetime=lifetime, solo_token=token)
    return Identity(store, cookie=f"__Host-sagews_{configuration.loadbalancer.port}", cookie_lifetime=lifetime)


def sign_in_token(folder: Path) -> str:
    """The sign-in token of this run of a solo site: the one that `sagews run` has written, else a new one."""
    path = folder / TOKEN_FILE
    token = path.read_text().strip() if path.exists() else ""
    if not token:
        token = secrets.token_hex(24)
        tell(path, token)
    return token
