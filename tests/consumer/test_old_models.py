"""Which models go, and when: those that neither are stored nor can be. Without Spark."""

import threading
from uuid import UUID, uuid4

import pytest

from conf.broker import open_broker
from conf.postgres import Connection, Pool, dsn
from conf.settings import Settings
from jobs.chain import model_store
from jobs.chain.kept import finish, home, kept
from jobs.lock import LakeLock
from jobs.messages import Manifest, Switch, inline_part, new_run_id
from request_consumer import requests
from request_consumer.consumer import remove_old_models
from request_consumer.part import Part
from spark_reader.reader import save_run

CRON, CARDS = "cf.recommendations.recording.all", "recommendation_model"
NOW = 1_700_000_000.0


@pytest.fixture
def part(settings: Settings) -> Part:
    return Part(settings, Pool(dsn(settings), "test"), LakeLock(dsn(settings), settings.lake), threading.Event())


def made(settings: Settings, number: int) -> UUID:
    """A model on disk."""
    run_id = new_run_id(NOW + number)
    finish(f"{home(settings.lake, 'models')}/{run_id}", {"created": NOW + number})
    return run_id


def store(part: Part, run_id: UUID, *models: UUID) -> None:
    """The run that made the last of these, with the cards of all."""
    rows = [[str(one), "{}"] for one in models]
    manifest = Manifest(
        run_id=run_id,
        request_id=None,
        query=CRON,
        data_version=1,
        newest_listen_ts=1,
        switches=[Switch(CARDS, "all_time", 0, 1, len(rows), "all")],
        parts=[inline_part("entity_document", CARDS, "all_time", rows)],
    )
    save_run(part.pool, manifest)


def on_disk(settings: Settings) -> list[UUID]:
    return [one.id for one in kept(settings.lake, "models")]


def test_tries_that_failed_neither_count_nor_make_a_model_that_is_served_go(settings: Settings, part: Part) -> None:
    served = made(settings, 1)
    store(part, served, served)
    failed = [made(settings, number) for number in (2, 3, 4)]
    assert model_store.last(settings, uuid4())[0].id == served
    assert [one.id for one in model_store.last(settings, failed[2])] == [failed[2], served], "that of this run counts"

    remove_old_models(part)

    assert on_disk(settings) == [served]


def test_a_model_that_is_replaced_goes_once_the_run_that_replaces_it_is_stored(
    settings: Settings, part: Part, connection: Connection
) -> None:
    old = [made(settings, number) for number in (1, 2, 3)]
    store(part, old[2], *old)
    newest = made(settings, 4)
    broker = open_broker(settings)
    row = requests.enqueue(connection, broker, CRON, {})
    broker.close()
    requests.claim(connection, row.id, "worker")
    requests.published(connection, row.id, "worker", newest, 1)

    remove_old_models(part)
    assert on_disk(settings) == [newest, *reversed(old)], "the new one is on its way to the reader"

    store(part, newest, *old[1:], newest)
    remove_old_models(part)
    assert on_disk(settings) == [newest, old[2], old[1]]


def test_a_model_that_is_being_made_stays(settings: Settings, part: Part) -> None:
    begun = made(settings, 1)
    part.at_work.add(begun)

    remove_old_models(part)

    assert on_disk(settings) == [begun]
