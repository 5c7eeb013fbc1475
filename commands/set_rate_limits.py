"""`set_rate_limits`: the rate limits of the running system, without a restart."""

import click

from commands.exits import USAGE, CommandError
from commands.output import show_table
from commands.store import running_store
from conf.postgres import transaction
from webapi.db.rate_limit import Limits, choose_limits, chosen_limits

COUNT = click.IntRange(1, 2**31 - 1)


@click.command("set_rate_limits")
@click.argument("per_token", type=COUNT, required=False)
@click.argument("per_ip", type=COUNT, required=False)
@click.argument("window", type=click.IntRange(1, 3600), required=False)
@click.option("--default", "forget", is_flag=True, help="Go back to RATE_LIMIT_PER_TOKEN, ..._ADDRESS and ..._WINDOW.")
def set_rate_limits(per_token: int | None, per_ip: int | None, window: int | None, forget: bool) -> None:
    """Set how many requests a token, and an address without one, may make in WINDOW seconds.

    Without arguments: print what holds now. All web workers follow within about two seconds. An export or a search
    counts as ten requests.

    \b
    Examples:
      spark_manage.py set_rate_limits
      spark_manage.py set_rate_limits 500 300 10
      spark_manage.py set_rate_limits --default
    """
    given = [value is not None for value in (per_token, per_ip, window)]
    if any(given) and (forget or not all(given)):
        raise CommandError("expected PER_TOKEN PER_IP WINDOW, or --default, or nothing", USAGE)
    from webapi.services import limits_of

    with running_store() as store, transaction(store.connection) as cursor:
        if forget:
            choose_limits(cursor, None)
        elif per_token and per_ip and window:
            choose_limits(cursor, Limits(per_token, per_ip, window))
        chosen = chosen_limits(cursor)
        settings = store.settings
    limits = chosen or limits_of(settings)
    whence = "set_rate_limits" if chosen else "settings"
    row = (limits.per_token, limits.per_address, limits.window, whence)
    show_table(("per token", "per address", "window (s)", "from"), [row])


COMMANDS = (set_rate_limits,)
