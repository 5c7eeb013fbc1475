"""Properties of a Spark session: what follows from the master and the lake, without starting one."""

from pathlib import Path

import pytest

from conf.settings import load_settings
from jobs.session import PROFILES, RAW_FILES, on_loopback, properties, read_profile


def given(folder: Path, **environment: str) -> dict[str, str]:
    return properties(load_settings({"DATA_DIR": str(folder), **environment}, env_file=None))


@pytest.mark.parametrize(
    ("master", "expected"),
    [
        ("spark://127.0.0.1:7077", True),
        ("spark://localhost:7077,head:7077", True),
        ("spark://head:7077", False),
        ("spark://192.0.2.1:7077", False),
        ("yarn", False),
        ("k8s://https://127.0.0.1:6443", False),
    ],
)
def test_only_a_standalone_master_on_loopback_has_all_its_executors_there(master: str, expected: bool) -> None:
    assert on_loopback(master) == expected


def test_the_driver_listens_on_loopback_where_nobody_else_needs_to_reach_it(tmp_path: Path) -> None:
    for master in ("local[2]", "spark://127.0.0.1:7077"):
        assert given(tmp_path, SPARK_MASTER=master)["spark.driver.bindAddress"] == "127.0.0.1"
    for master in ("spark://head:7077", "yarn"):
        assert "spark.driver.bindAddress" not in given(tmp_path, SPARK_MASTER=master)


def test_a_cluster_gets_the_profile_of_a_cluster_unless_told_otherwise(tmp_path: Path) -> None:
    def partitions(**environment: str) -> str:
        return given(tmp_path, **environment)["spark.sql.shuffle.partitions"]

    local, cluster = (read_profile(PROFILES / f"{name}.conf") for name in ("local", "cluster"))
    assert partitions(SPARK_MASTER="local[*]") == local["spark.sql.shuffle.partitions"]
    assert partitions(SPARK_MASTER="spark://head:7077") == cluster["spark.sql.shuffle.partitions"]
    assert partitions(SPARK_MASTER="spark://head:7077", SPARK_PROFILE="local") == local["spark.sql.shuffle.partitions"]


def test_files_are_written_raw_only_where_the_lake_is_a_folder(tmp_path: Path) -> None:
    assert given(tmp_path)["spark.hadoop.fs.file.impl"] == RAW_FILES
    assert given(tmp_path, LAKE_URL="file:///lake")["spark.hadoop.fs.file.impl"] == RAW_FILES
    assert "spark.hadoop.fs.file.impl" not in given(tmp_path, LAKE_URL="s3a://bucket/lake")
