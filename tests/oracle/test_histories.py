from collections import Counter

from tests.oracle import steps
from tests.oracle.histories import MANY, plan
from tests.oracle.statistics import SITEWIDE_STATISTICS, USER_STATISTICS, Oracle
from tests.oracle.steps import apply
from tests.oracle.windows import RANGES
from tests.oracle.worked import A, R, track, ts, world
from tests.oracle.world import Exclusions, Listen, Mapped, Settings, World


def test_steps_do_what_they_say() -> None:
    made = world("2021-11-22", (1, "2021-11-01", track()), (2, "2021-11-01", track()))
    again = track("LOW")  # the same MSID

    apply(made, steps.Insert((Listen(1, ts("2021-11-01"), again), Listen(1, ts("2021-11-02"), again))))
    assert [listen.track.artist_name for listen in made.listens.values()] == ["Low", "Low", "LOW"]
    apply(made, steps.Delete((1, ts("2021-11-01"), again.msid)))
    apply(made, steps.Delete((1, ts("2021-11-03"), again.msid)))
    apply(made, steps.Wipe(2))
    assert list(made.listens) == [(1, ts("2021-11-02"), again.msid)]

    row = Mapped(1, again.msid, "manual", R)
    apply(made, steps.Say(row))
    assert made.mapping == {row.key: row}
    apply(made, steps.Unsay(row.key))
    apply(made, steps.Unsay(row.key))
    assert not made.mapping

    apply(made, steps.Learn("genres", (R, "rock")))
    apply(made, steps.Learn("lengths", R, 1))
    apply(made, steps.Learn("lengths", R, 2))
    assert (made.metadata.genres, made.metadata.lengths) == ({(R, "rock")}, {R: 2})
    apply(made, steps.Forget("genres", (R, "rock")))
    apply(made, steps.Forget("lengths", R))
    apply(made, steps.Forget("lengths", R))
    assert not made.metadata.genres and not made.metadata.lengths

    apply(made, steps.Move(1, "Asia/Kathmandu"))
    apply(made, steps.Exclude(1, "artist_mbids", A))
    assert made.settings[1] == Settings("Asia/Kathmandu", Exclusions(artist_mbids=frozenset({A})))
    apply(made, steps.Include(1, "artist_mbids", A))
    apply(made, steps.Include(1, "clients", "x"))
    assert made.settings[1] == Settings("Asia/Kathmandu")


def test_the_same_seed_gives_the_same_plan_and_another_another() -> None:
    assert plan(1, 3, 5) == plan(1, 3, 5)
    assert plan(1, 3, 5) != plan(2, 3, 5)


def test_histories_are_each_other_s_strangers() -> None:
    found = plan(3, 4, 6, first_user=100)
    users = [user_id for history in found.histories for user_id in history.users]

    assert users == list(range(100, 108))
    for history in found.histories:
        for step in (step for moment in history.at for step in moment):
            if isinstance(step, steps.Wipe | steps.Move | steps.Exclude | steps.Include):
                assert step.user_id in history.users
            if isinstance(step, steps.Insert):
                assert {listen.user_id for listen in step.listens} <= history.users.keys()


def test_a_plan_meets_everything_that_histories_are_for() -> None:
    made = plan(5, 50, 12)
    done = Counter(type(step) for number in range(12) for step in made.steps(number))
    seen = Counter[str]()
    for number, world_now in enumerate(made.worlds()):
        if number in (0, 11):
            seen.update(_traits(world_now))

    assert len(done) == 10
    assert min(done.values()) > 5
    assert list(made.moments) == sorted(made.moments)
    assert not {name for name in _WANTED if not seen[name]}


_WANTED = (
    "unmapped", "several artists", "artist twice", "not ASCII", "spellings", "tie", "future", "midnight", "zone",
    "excluded", "heavy", "no listen", *USER_STATISTICS, "listeners",
    *(f"sitewide {name}" for name in SITEWIDE_STATISTICS),
)  # fmt: skip


def _traits(made: World) -> list[str]:
    oracle, found = Oracle(made), []
    for listen in made.listens.values():
        mbids, name = listen.track.artist_mbids, listen.track.artist_name
        found += ["several artists"] * (len(set(mbids)) > 1) + ["artist twice"] * (len(set(mbids)) < len(mbids))
        found += ["not ASCII"] * (not name.isascii()) + ["future"] * (listen.listened_at > made.newest)
        found += ["midnight"] * (listen.listened_at % 86400 == 0)
    for user_id in made.users:
        rows = oracle.user_rows(user_id, "artists", "all_time")
        found += ["no listen"] * (not rows) + ["heavy"] * any(row.listen_count >= MANY for row in rows)
        found += ["unmapped"] * any(row.struct["artist_mbid"] is None for row in rows)
        found += ["tie"] * (len({row.listen_count for row in rows}) < len(rows))
        played = {play.track.artist_name for play in oracle.plays(user_id)}
        found += ["spellings"] * (len({name.casefold() for name in played}) < len(played))
        found += ["zone"] * (oracle.zone(user_id) != "UTC")
        found += ["excluded"] * (len(oracle.plays(user_id)) < len(oracle.plays(user_id, plain=True)))
        found += [name for name in USER_STATISTICS if oracle.user(user_id, name, "all_time")]
    found += [f"sitewide {name}" for name in SITEWIDE_STATISTICS for r in RANGES if oracle.sitewide(name, r)]
    return found + ["listeners"] * bool(oracle.listeners("artists", "all_time"))
