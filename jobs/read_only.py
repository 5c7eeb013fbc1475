"""The Spark session of notebooks: a small JVM of its own beside the running system, which cannot write the lake.

What refuses is the file system of that JVM (conf/spark/ReadOnlyLake.java): INSERT and DELETE, DeltaTable, VACUUM and
plain files all pass through it. It says nothing of what the notebook's Python does to files by itself, nor of object
stores, whose credentials say who may write.
"""

import atexit
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from conf.settings import PROJECT, Settings
from jobs.lock import local_folder
from jobs.session import SparkUnavailableError, build_session
from jobs.spill import spill_folder

MASTER = "local[2]"
MEMORY = "1g"
GUARD = "ReadOnlyLake"
FOLDERS = "listenlake.read.only"
FILES, COMMITS = "fs.file.impl", "fs.AbstractFileSystem.file.impl"
"""Hadoop's two interfaces to local files; Delta commits through the second."""
_MARK = "spark.listenlake.folder"
"""Property of a session made here: its own folder, gone with the process."""


class SessionInUseError(RuntimeError):
    """This process has a Spark session that was not made for reading alone."""


def read_only_session(settings: Settings) -> SparkSession:
    """The session of this process, made where there is none; it cannot write the lake of these settings.

    Raises SessionInUseError, SparkUnavailableError.
    """
    session = SparkSession.getActiveSession()
    if session is None:
        session = _start(replace(settings, spark_master=MASTER, spark_driver_memory=MEMORY, spark_profile="auto"))
    elif session.conf.get(_MARK, None) is None:
        raise SessionInUseError(
            "this process has a Spark session that may write: open the lake in a process of its own"
        )
    folder = local_folder(settings.lake)
    if folder is None:
        warnings.warn(f"who may write {settings.lake} is up to its store: use credentials that only read", stacklevel=3)
    else:
        refuse_writing(session, folder)
    return session


def own_folder(session: SparkSession) -> Path:
    """Where a session made here may keep what it computes."""
    return Path(str(session.conf.get(_MARK)))


def refuse_writing(session: SparkSession, folder: Path) -> None:
    """From now on the JVM writes, renames and deletes nothing below the folder; it can still read. Repeatable."""
    jvm: Any = session._jvm
    settings: Any = session._jsc.hadoopConfiguration()
    known = [line for line in (settings.getRaw(FOLDERS) or "").split("\n") if line]
    settings.set(FOLDERS, "\n".join(dict.fromkeys([*known, str(folder.resolve())])))
    if known:
        return
    compiler = jvm.org.codehaus.janino.SimpleCompiler()
    compiler.setParentClassLoader(jvm.Thread.currentThread().getContextClassLoader())
    compiler.cook((PROJECT / "conf" / "spark" / f"{GUARD}.java").read_text())
    settings.setClassLoader(compiler.getClassLoader())
    settings.set(COMMITS, f"{GUARD}Commits")
    implementation = settings.get(FILES)
    settings.set(FILES, GUARD)
    jvm.org.apache.hadoop.fs.FileSystem.closeAll()
    # Made once and kept: whoever in this JVM asks for local files is given this one, also tasks, which lack its class.
    made = jvm.org.apache.hadoop.fs.FileSystem.get(jvm.java.net.URI("file:///"), settings)
    settings.set(FILES, implementation)
    if made.getClass().getName() != GUARD:
        raise SparkUnavailableError(f"local files are {made.getClass().getName()}, not {GUARD}: writing is not refused")


def _start(settings: Settings) -> SparkSession:
    held = ExitStack()
    folder = held.enter_context(spill_folder(settings.data_dir))
    with _errors_into(folder / "spark.log"):
        # All that a session keeps beside the lake is in that folder: nothing is shared with the running system.
        session = build_session(replace(settings, data_dir=folder), "notebook")
    session.conf.set(_MARK, str(folder))
    held.callback(session.stop)
    atexit.register(held.close)
    return session


@contextmanager
def _errors_into(path: Path) -> Iterator[None]:
    """What a JVM started inside says goes there: a notebook would show it, with names of the machine."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with path.open("ab") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
