"""What a zygote must not have when it forks: a second thread, or a connection that all its sessions would share."""

from __future__ import annotations

from pathlib import Path

from sagews.errors import SetupError


def check_alone(expected: set[int]) -> None:
    """Check that nothing is here which sessions would share.

    :param expected: the descriptors that may be open.
    :raises SetupError: where this process has a second thread, which a fork would break, or another connection.
    """
    threads = list(Path("/proc/self/task").iterdir())
    if len(threads) != 1:
        raise SetupError(
            f"The environment started {len(threads) - 1} threads while it was imported; a zygote cannot fork then.",
            mend="Take the module that does so out of `preload`.",
        )
    for path in list(Path("/proc/self/fd").iterdir()):
        if int(path.name) not in expected and path.is_socket():
            raise SetupError(
                "The environment opened a connection while it was imported; all its sessions would share it.",
                mend="Take the module that does so out of `preload`.",
            )
