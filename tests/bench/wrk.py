"""wrk, the load generator in C, as a function: calls per second of kept connections that never wait."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


class WrkMissingError(RuntimeError):
    """There is no wrk: `apt-get install wrk`."""


@dataclass(frozen=True)
class Load:
    """Of one run."""

    per_second: float
    errors: int
    """Answers that were not 2xx or 3xx, and connections that failed."""


def wrk(url: str, connections: int, seconds: float, *, headers: dict[str, str] | None = None, script: str = "") -> Load:
    """Load a URL from one thread. `script`: Lua, for what is not a plain GET. Raises WrkMissingError."""
    if shutil.which("wrk") is None:
        raise WrkMissingError("wrk is missing: install it (Debian: sudo apt-get install wrk)")
    given = [part for name, value in (headers or {}).items() for part in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", *given]
    if script:
        command += ["-s", script]
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    assert rate is not None, said
    errors = sum(int(number) for number in re.findall(r"Non-2xx or 3xx responses: (\d+)", said))
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    errors += sum(map(int, sockets.groups())) if sockets else 0
    return Load(float(rate[1]), errors)


def posting(folder: Path, token: str, listens: int) -> str:
    """A script that submits `listens` listens a call, no listen twice; its path."""
    script = folder / f"submit-{listens}.lua"
    script.write_text(
        f"""
local second = 1600000000 + math.random(0, 99) * 1000000
local listen = '{{"listened_at":%d,"track_metadata":{{"artist_name":"Ada Holmberg","track_name":"Song %d",'
    .. '"additional_info":{{"submission_client":"bench","duration_ms":215000,"media_player":"bench player"}}}}}}'
wrk.headers["Authorization"] = "Token {token}"
wrk.headers["Content-Type"] = "application/json"
request = function()
    local parts = {{}}
    for n = 1, {listens} do
        second = second + 1
        parts[n] = string.format(listen, second, second % 977)
    end
    local body = '{{"listen_type":"import","payload":[' .. table.concat(parts, ",") .. ']}}'
    return wrk.format("POST", nil, nil, body)
end
"""
    )
    return str(script)
