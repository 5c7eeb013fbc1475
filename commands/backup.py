"""`backup` and `restore`: PostgreSQL and the lake as one copy."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.progress import DownloadColumn, TransferSpeedColumn

from commands.exits import CommandError
from commands.output import progress, remark
from commands.store import alone, postgres_of, running_store
from conf.settings import load_settings


@click.command("backup")
@click.argument("directory", type=click.Path(path_type=Path))
def backup(directory: Path) -> None:
    """Copy PostgreSQL and the lake into the new folder DIRECTORY, at one moment, while the system runs.

    The folder appears whole or not at all; it has a manifest with the SHA-256 of every file, and is yours to read only:
    it holds password hashes and what people listen to. Not in it: messages that wait in RabbitMQ (let the queue
    `incoming` run empty: `status`), a lake on an object store (LAKE_URL; its files are for the store's own copies, the
    manifest notes the data version), logs, reports, results on their way.

    \b
    Examples:
      spark_manage.py backup /backups/$(date +%F)
      DATABASE_URL=postgresql://listenlake:secret@db/listenlake spark_manage.py backup nightly
    """
    from conf.postgres_copy import CopyError
    from dumps.backup import BackupError, make_backup

    try:
        with running_store() as store, _telling("copying") as tell:
            manifest = make_backup(store.settings, directory, tell)
    except (BackupError, CopyError) as problem:
        raise CommandError(str(problem)) from None
    except KeyboardInterrupt:
        raise CommandError(f"stopped; {directory} was not made") from None
    size = sum(file.bytes for file in manifest.files)
    lake = {"copied": f"the lake at data version {manifest.data_version}", "empty": "an empty lake"}
    held = lake.get(manifest.lake, f"not the lake, which is on {manifest.lake}")
    click.echo(f"{directory}: PostgreSQL and {held}, {len(manifest.files)} files, {size / 1e6:.1f} MB")
    if manifest.lake not in lake:
        remark(f"note: the files of {manifest.lake} are not in this backup")


@click.command("restore")
@click.argument("directory", type=click.Path(path_type=Path))
def restore(directory: Path) -> None:
    """Fill an empty database and an empty lake folder from the backup in DIRECTORY. The system must be stopped.

    First every file is compared with the manifest, and the targets are looked at: DATABASE_URL or the database below
    DATA_DIR, LAKE_URL or DATA_DIR/lake. One that is not empty is refused by name. Interrupted, it is started again.
    After an upgrade run `init_db` then. Where the lake is on an object store, bring its files back to the data version
    of the manifest by the store's means; or point LAKE_URL at an empty place, and everything lands again.

    \b
    Examples:
      spark_manage.py restore /backups/2024-12-31
      DATA_DIR=/srv/other spark_manage.py restore /backups/2024-12-31
    """
    from conf.postgres_copy import CopyError, TargetError
    from dumps.restore import BadBackupError, read_backup, restore_backup

    settings = load_settings()
    try:
        with alone(settings), _telling("restoring") as tell:
            manifest = read_backup(directory, tell)
            with postgres_of(settings):
                restore_backup(settings, directory, manifest, tell)
    except (BadBackupError, TargetError, CopyError) as problem:
        raise CommandError(str(problem)) from None
    except KeyboardInterrupt:
        raise CommandError("stopped; run the same command again") from None
    click.echo(f"restored the backup of {manifest.created}, data version {manifest.data_version}; `make up` goes on")


@contextmanager
def _telling(what: str) -> Iterator[Callable[[str, int], None]]:
    """A progress display as a function of what was done and its bytes."""
    with progress(DownloadColumn(), TransferSpeedColumn()) as shown:
        task = shown.add_task(what, total=None)
        yield lambda name, size: shown.update(task, description=f"{what}: {name}", advance=size)


COMMANDS = (backup, restore)
