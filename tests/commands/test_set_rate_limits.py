"""Rate limits at run time: what the command says, stores and refuses."""

from conf.postgres import Connection, transaction
from tests.commands.conftest import CommandLine
from webapi.db.rate_limit import Limits, chosen_limits


def chosen(connection: Connection) -> Limits | None:
    with transaction(connection) as cursor:
        return chosen_limits(cursor)


def test_limits_are_set_shown_and_forgotten(cli: CommandLine, connection: Connection) -> None:
    assert cli("set_rate_limits").out.split()[-4:] == ["500", "300", "10", "settings"]
    assert cli("set_rate_limits", "7", "5", "60").out.split()[-4:] == ["7", "5", "60", "set_rate_limits"]
    assert chosen(connection) == Limits(per_token=7, per_address=5, window=60)
    assert cli("set_rate_limits", "8", "5", "60").status == 0
    assert cli("set_rate_limits").out.split()[-4:] == ["8", "5", "60", "set_rate_limits"]
    assert cli("set_rate_limits", "--default").out.split()[-1] == "settings"
    assert chosen(connection) is None


def test_limits_that_cannot_be_are_refused_and_change_nothing(cli: CommandLine, connection: Connection) -> None:
    for wrong in (("0", "5", "60"), ("7", "5"), ("7", "5", "3601"), ("7", "5", "60", "--default"), ("a", "b", "c")):
        assert cli("set_rate_limits", *wrong).status == 2
    assert chosen(connection) is None
