"""What a JVM spills goes with its process: at its end, or, when it was killed, before the next one starts."""

import subprocess
import sys
from pathlib import Path

from conf.settings import PROJECT
from jobs.spill import spill_folder

HOLD = """
import sys
from pathlib import Path
from jobs.spill import spill_folder
with spill_folder(Path(sys.argv[1])) as folder:
    (folder / "temp_shuffle").write_text("Broadcast")
    print(folder, flush=True)
    sys.stdin.read()
"""


def _holder(data_dir: Path) -> tuple["subprocess.Popen[str]", Path]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(data_dir)], cwd=PROJECT, text=True, stdin=-1, stdout=-1)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_living_process_keeps_its_folder_when_another_starts_and_a_killed_one_does_not(tmp_path: Path) -> None:
    living, kept = _holder(tmp_path)
    killed, abandoned = _holder(tmp_path)
    killed.kill()
    killed.communicate()
    assert (abandoned / "temp_shuffle").exists()
    with spill_folder(tmp_path) as own:
        assert (kept / "temp_shuffle").exists()
        assert not abandoned.exists()
        assert own.is_dir()
    assert not own.exists()
    living.communicate("", timeout=10)
    assert not kept.exists()
    assert list((tmp_path / "spark").iterdir()) == []
