"""Chance as a pure function: the n-th number of a stream is a hash of (seed, stream, n), in any order."""

from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ids = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_DIGITS = np.array([at for at in range(36) if at not in (8, 13, 18, 23)])


def words(seed: int, stream: str, ids: Ids) -> Words:
    """64 random bits per id (the finaliser of SplitMix64)."""
    start = (crc32(stream.encode()) << 32 ^ seed * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    mixed = ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(start)
    mixed = (mixed ^ mixed >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ mixed >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return mixed ^ mixed >> np.uint64(31)


def uniform(seed: int, stream: str, ids: Ids) -> Reals:
    """A number in [0, 1) per id."""
    return (words(seed, stream, ids) >> np.uint64(11)).astype(np.float64) / 2.0**53


def normal(seed: int, stream: str, ids: Ids) -> Reals:
    """A standard normal number per id (Box-Muller)."""
    radius = np.sqrt(-2 * np.log(1 - uniform(seed, f"{stream}/r", ids)))
    return np.asarray(radius * np.cos(2 * np.pi * uniform(seed, f"{stream}/a", ids)), dtype=np.float64)


def pick(seed: int, stream: str, ids: Ids, weights: Reals) -> Ids:
    """An index into `weights` per id, as likely as its weight."""
    bounds = np.cumsum(weights) / np.sum(weights)
    at = np.searchsorted(bounds, uniform(seed, stream, ids), side="right")
    return np.minimum(at, len(weights) - 1).astype(np.int64)


def mbids(seed: int, kind: str, ids: Ids) -> pa.Array:
    """A UUID (version 4 in form) per id, as text."""
    halves = np.stack([words(seed, f"{kind}/0", ids), words(seed, f"{kind}/1", ids)], axis=1)
    raw = np.ascontiguousarray(halves.astype(">u8")).view(np.uint8).reshape(len(ids), 16).copy()
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    text = np.full((len(ids), 36), ord("-"), dtype=np.uint8)
    text[:, _DIGITS[0::2]] = _HEX[raw >> 4]
    text[:, _DIGITS[1::2]] = _HEX[raw & 0x0F]
    offsets = np.arange(len(ids) + 1, dtype=np.int32) * 36
    return pa.Array.from_buffers(pa.string(), len(ids), [None, pa.py_buffer(offsets), pa.py_buffer(text)])
