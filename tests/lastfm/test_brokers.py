"""The real server and a Last.fm player, over both brokers: what it is told to be accepted is in the queue."""

from urllib.parse import urlencode

import pytest

from conf.broker import INCOMING, Delivery, open_broker
from conf.postgres import Connection, transaction
from conf.settings import Settings
from jobs.listens.listen import Submission
from jobs.listens.write import write_submissions
from tests.lastfm.conftest import API_KEY, NOW, indexed, session_of, track
from tests.live_server import GENEROUS, served
from tests.webapi.conftest import Account

pytestmark = pytest.mark.servers
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BATCHES, OF_BATCH = 3, 50


def test_a_player_scrobbles_several_batches_and_loses_nothing(
    on_broker: Settings, rob: Account, connection: Connection
) -> None:
    session = session_of(connection, rob.id)
    with served(on_broker, **GENEROUS, BROKER_URL=on_broker.broker_url) as server:

        def called(method: str, **given: str) -> dict[str, object]:
            sent = {"method": method, "api_key": API_KEY, "sk": session, "format": "json", **given}
            status, document, _ = server.request("POST", "/2.0/", urlencode(sent), FORM)
            assert status == 200
            return dict(document)

        assert "nowplaying" in called("track.updateNowPlaying", artist="Artist", track="Song now")
        playing = server.request("GET", "/1/user/Rob/playing-now")[1]["payload"]
        assert playing["listens"][0]["track_metadata"]["track_name"] == "Song now"
        for batch in range(BATCHES):
            first = NOW - 10_000 + batch * OF_BATCH
            tracks = [track(f"Song {first + number}", first + number) for number in range(OF_BATCH)]
            for _ in range(2):  # its line was cut before the answer came: the same again
                answer = called("track.scrobble", **indexed(*tracks))
                assert "error" not in answer
                assert (answer["scrobbles"]["accepted"], answer["scrobbles"]["ignored"]) == ("50", "0")  # type: ignore[index]

    broker = open_broker(on_broker)
    deliveries: list[Delivery] = []
    while more := broker.consume(INCOMING, 100, 2):
        deliveries += more
    assert len(deliveries) == 2 * BATCHES
    write_submissions(connection, [Submission.decode(delivery.body) for delivery in deliveries])
    broker.ack(deliveries)
    broker.close()
    with transaction(connection) as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT listened_at), bool_and(user_id = %s) FROM listen", (rob.id,))
        assert cursor.fetchall() == [(BATCHES * OF_BATCH, BATCHES * OF_BATCH, True)]
