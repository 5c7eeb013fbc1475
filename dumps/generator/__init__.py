"""Seeded, vectorised generator of listens, their truth and their metadata: reference performance.md section 7."""

from dumps.generator.files import World, generate
from dumps.generator.sample import Sample, make_sample

__all__ = ["Sample", "World", "generate", "make_sample"]
