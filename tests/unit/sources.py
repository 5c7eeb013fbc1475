"""Our own source, as syntax trees, for tests of what may not stand in it."""

import ast
from collections.abc import Iterator
from functools import cache

from conf.settings import PROJECT

PACKAGES = ("commands", "conf", "dumps", "jobs", "request_consumer", "spark_reader", "webapi")


@cache
def sources() -> dict[str, ast.Module]:
    """Every module that is not a test, by its path in the project."""
    files = [PROJECT / "spark_manage.py", *(file for package in PACKAGES for file in (PROJECT / package).rglob("*.py"))]
    return {str(file.relative_to(PROJECT)): ast.parse(file.read_text()) for file in sorted(files)}


def imported(tree: ast.Module) -> Iterator[str]:
    """The modules, by their full name, that a module imports anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def called(node: ast.Call) -> str:
    """The last name of what is called: `execute` of `cursor.execute(...)`."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
