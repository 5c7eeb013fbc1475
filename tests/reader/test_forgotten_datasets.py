"""What is kept beside a dataset that is served goes after a while, and nothing else does."""

from datetime import timedelta
from uuid import uuid4

from conf.postgres import Connection, transaction
from jobs.similarity.datasets import BESIDE
from jobs.similarity.parameters import KEPT_BESIDE
from spark_reader.store import forget_entities
from tests.webapi.stored_documents import store_entity_documents


def stored(connection: Connection) -> list[str]:
    with transaction(connection) as cursor:
        cursor.execute("SELECT statistic FROM run JOIN result_entity_document USING (statistic) ORDER BY 1")
        return [statistic for (statistic,) in cursor.fetchall()]


def test_what_is_kept_beside_what_is_served_goes_after_its_time(connection: Connection) -> None:
    everything = ["similar_artists", "similar_artists_dev", "similar_recordings", "similar_recordings_dev"]
    for statistic in everything:
        store_entity_documents(connection, statistic, {uuid4(): {"items": []}})
    assert forget_entities(connection, BESIDE, KEPT_BESIDE) == 0
    assert stored(connection) == everything

    with transaction(connection) as cursor:
        cursor.execute("UPDATE run SET last_updated = now() - %s", (KEPT_BESIDE + timedelta(minutes=1),))
    assert forget_entities(connection, BESIDE, KEPT_BESIDE) == 2

    assert stored(connection) == ["similar_artists", "similar_recordings"]
