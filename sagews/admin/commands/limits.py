"""`sagews limits`: what the accounts of each type may use."""

from __future__ import annotations

from argparse import Namespace

from sagews.admin.command import Verbs, add_configuration_option, configuration_of


def add(verbs: Verbs) -> None:
    """Declare the verb."""
    parser = verbs.add(
        "limits",
        "Show what the accounts of each type may use, or change it. Workspaces that are open keep what they had.",
        examples=(
            "sagews limits",
            "sagews limits standard memory_bytes=2G disk_bytes=5G cpu_seconds=3600",
            "sagews limits standard sessions=0          # no limit",
        ),
    )
    parser.add_argument("type", metavar="TYPE", nargs="?", default="", help="`standard`, `operator`; default: all")
    parser.add_argument("changes", metavar="NAME=VALUE", nargs="*", help="0 = no limit; K, M, G are powers of 1024")
    add_configuration_option(parser)
    parser.set_defaults(run=limits)


def limits(arguments: Namespace) -> int:
    """Show them; after changing them, if there is something to change."""
    import asyncio

    from sagews.admin.type_limits import TypeLimits, read_changes

    changes = read_changes(arguments.changes)

    async def work() -> None:
        async with TypeLimits.of(configuration_of(arguments)) as types:
            if changes:
                await types.change(arguments.type, changes)
            for line in await types.lines(arguments.type):
                print(line)

    asyncio.run(work())
    return 0
