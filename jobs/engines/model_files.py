"""Models on disk: one npz without pickle, the same bytes for the same arrays."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]

FILE = "model.npz"
_DESCRIPTION = "description"
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""Of ZIP: a file time would make equal models differ."""


class ModelFileError(ValueError):
    """The file is no model that was written here; the text says what is wrong with it."""


def write_arrays(folder: Path, description: Mapping[str, Any], arrays: Arrays) -> None:
    """Write `model.npz` into an existing folder, uncompressed: so bytes do not hang on a version of zlib.

    `description` is JSON. Raises ValueError when an array would need pickle.
    """
    text = json.dumps(description, sort_keys=True).encode()
    members = {_DESCRIPTION: np.frombuffer(text, np.uint8), **arrays}
    with zipfile.ZipFile(folder / FILE, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(f"{name}.npy", _FIRST_DAY)
            with archive.open(entry, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(members[name]), allow_pickle=False)


def read_arrays(folder: Path) -> tuple[dict[str, Any], Arrays]:
    """Description and arrays of `model.npz`. Raises ModelFileError, also for a file that holds pickles."""
    path = folder / FILE
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise ModelFileError(f"{path} does not exist: train a model first") from None
    except (ValueError, zipfile.BadZipFile) as error:
        raise ModelFileError(f"{path} is no model: {error}") from error
    if _DESCRIPTION not in arrays:
        raise ModelFileError(f"{path} is no model: it has no description")
    return json.loads(arrays.pop(_DESCRIPTION).tobytes()), arrays
