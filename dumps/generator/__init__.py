"""Seeded, vectorised generator of listens, their truth and their metadata: reference performance.md section 7."""

from dumps.generator.files import World, generate
from dumps.generator.sample import sample_listens

__all__ = ["World", "generate", "sample_listens"]
