"""dead_letters and rejected: looked at, put back, tried again."""

from dataclasses import replace

import pytest

from conf.broker import INCOMING, QUEUES, open_broker
from conf.postgres import Connection
from conf.settings import Settings
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.write import write_submissions
from tests.commands.conftest import CommandLine, rows


@pytest.fixture
def dead(settings: Settings) -> None:
    """One dead letter in each queue, and a second one in `incoming`."""
    broker = open_broker(settings)
    for queue in (*QUEUES, INCOMING):
        broker.publish(queue, [b"\xffbody"])
        broker.reject(broker.consume(queue, 1, 1)[0], f"bad {queue}")
    broker.close()


def depths(settings: Settings) -> list[int]:
    broker = open_broker(settings)
    found = [broker.depth(queue) for queue in QUEUES]
    broker.close()
    return found


@pytest.mark.usefixtures("dead")
def test_dead_letters_are_listed_with_their_reason_and_go_back_by_id_queue_or_all(
    cli: CommandLine, settings: Settings
) -> None:
    listed = cli("dead_letters", "list", "--json").json()
    assert [(letter["queue"], letter["reason"], letter["body"]) for letter in listed] == [
        ("incoming", "bad incoming", "\\xffbody"),
        ("incoming", "bad incoming", "\\xffbody"),
        ("spark_request", "bad spark_request", "\\xffbody"),
        ("span_request", "bad span_request", "\\xffbody"),
        ("long_request", "bad long_request", "\\xffbody"),
        ("spark_result", "bad spark_result", "\\xffbody"),
    ]
    assert "bad spark_result" in cli("dead_letters", "list", "--queue", "spark_result").out

    one = cli("dead_letters", "retry", "--queue", "incoming", listed[1]["id"])
    assert (one.status, one.out, depths(settings)) == (0, "1 back in the queue\n", [1, 0, 0, 0, 0])
    assert cli("dead_letters", "retry", "--queue", "spark_request").out == "1 back in the queue\n"
    assert cli("dead_letters", "retry", "--all").out == "4 back in the queue\n"
    assert depths(settings) == [2, 1, 1, 1, 1]
    assert cli("dead_letters", "list", "--json").json() == []


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "say which: --queue QUEUE [IDS], or --all"),
        (("17",), 2, "say which"),
        (("--all", "17"), 2, "--all takes no ids"),
        (("--all", "--queue", "incoming"), 2, "say which"),
        (("--queue", "outgoing"), 2, "'outgoing' is not one of 'incoming'"),
        (("--queue", "incoming", "999999"), 1, "1 of these ids are no dead letters of incoming"),
    ],
)
@pytest.mark.usefixtures("dead")
def test_a_wrong_retry_puts_nothing_back(
    cli: CommandLine, settings: Settings, arguments: tuple[str, ...], status: int, said: str
) -> None:
    ran = cli("dead_letters", "retry", *arguments)

    assert ran.status == status
    assert said in ran.err
    assert depths(settings) == [0, 0, 0, 0, 0]


def test_rejected_listens_are_listed_and_tried_again(cli: CommandLine, connection: Connection) -> None:
    cli("user", "create", "alice")
    good = {"listened_at": 1_400_000_000, "track_metadata": {"artist_name": "A", "track_name": "t"}}
    bad = {"listened_at": 1_400_000_001, "track_metadata": {"artist_name": "", "track_name": "t"}}
    write_submissions(connection, [Submission(new_message_id(), 1, 100, (bad, bad))])

    listed = cli("rejected", "list", "--json").json()
    assert [(row["user_name"], row["item"]) for row in listed] == [("alice", 0), ("alice", 1)]
    assert "artist_name" in listed[0]["reason"]
    assert cli("rejected", "list", "--after", str(listed[0]["id"]), "--json").json() == listed[1:]
    assert "alice" in cli("rejected", "list").out
    body = str(good).replace("'", '"').encode()
    rows(connection, "UPDATE rejected_listen SET body = %s WHERE item = 1 RETURNING 1", body)

    ran = cli("rejected", "retry")

    assert (ran.status, ran.err) == (3, "")
    assert ran.out == "2 tried: 1 new, 0 duplicate, 0 deleted meanwhile, 1 still rejected\n"
    assert rows(connection, "SELECT listened_at FROM listen") == [(1_400_000_000,)]
    missing = cli("rejected", "retry", str(listed[1]["id"]))
    assert missing.status == 1
    assert "1 of these ids are not among the listens set aside" in missing.err
    assert cli("rejected", "retry", "one").status == 2


def test_on_rabbitmq_they_are_the_same_commands(cli: CommandLine, amqp_url: str, settings: Settings) -> None:
    on_rabbitmq = CommandLine({**cli.environ, "BROKER_URL": amqp_url})

    assert on_rabbitmq("dead_letters", "list", "--json").json() == []
    assert on_rabbitmq("dead_letters", "retry", "--all").out == "0 back in the queue\n"
    broker = open_broker(replace(settings, broker_url=amqp_url))
    broker.publish(INCOMING, [b"one"])
    broker.reject(broker.consume(INCOMING, 1, 5)[0], "a test's")
    broker.close()
    [letter] = on_rabbitmq("dead_letters", "list", "--json").json()
    assert (letter["queue"], letter["body"], letter["reason"]) == (INCOMING, "one", "a test's")
    status = on_rabbitmq("status", "--json").json()
    assert {queue["queue"]: queue["dead_letters"] for queue in status["queues"]} == {
        "incoming": 1,
        "spark_request": 0,
        "span_request": 0,
        "long_request": 0,
        "spark_result": 0,
    }
    assert on_rabbitmq("dead_letters", "retry", "--queue", INCOMING, letter["id"]).out == "1 back in the queue\n"
    assert on_rabbitmq("status", "--json").json()["queues"][0]["waiting"] == 1


def test_a_broker_that_is_away_is_named(cli: CommandLine) -> None:
    ran = cli("dead_letters", "list", BROKER_URL="amqp://127.0.0.1:1/")

    assert (ran.status, ran.out) == (69, "")
    assert "RabbitMQ" in ran.err
    assert ran.err.count("\n") == 1
