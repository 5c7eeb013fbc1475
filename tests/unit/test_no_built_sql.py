"""No statement is built from values: what is executed is written in the source, or composed by psycopg2.sql."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.unit.sources import called, sources

STATEMENTS = {
    "execute": 0,
    "executemany": 0,
    "copy_expert": 0,
    "mogrify": 0,
    "execute_values": 1,
    "execute_batch": 1,
    "sql": 0,
    "SQL": 0,
}
"""Calls that take a statement, and where it stands in them."""
CONDITIONS = ("where", "filter", "expr", "selectExpr", "delete", "merge", "update")
"""Calls of Spark and Delta that take a condition, as text too: it may not be built on the spot."""
FIXED = {
    "conf/broker/postgresql_session.py: statement": "the broker's own, fixed in conf/broker/postgresql.py",
    "jobs/frames.py: shared.sql": "of the catalog, a file of the project; values are named arguments",
    "jobs/frames.py: statement": "of the catalog, as above",
    "jobs/opened_lake.py: statement": "what a notebook asks of the lake, which it cannot write; values are named",
    "jobs/query.py: checked": "what the operator asks of the lake: read only, checked, in an engine of its own",
    "jobs/run_documents.py: job.run": "of the catalog, a file of the project",
    "jobs/run_popularity.py: _ITEMS[entity]": "fixed in the module",
    "jobs/run_popularity.py: _NAMES[entity]": "fixed in the module",
    "jobs/run_year.py: job.run": "of the catalog, a file of the project",
    "jobs/run_lists.py: job.run": "of the catalog, a file of the project",
    "jobs/upkeep.py: f't.{column} = s.{column}'": "names of columns, fixed in jobs/tables",
    "spark_reader/store.py: kind.copy": "fixed in spark_reader/kinds.py",
    "spark_reader/store.py: kind.forget_strangers": "fixed in spark_reader/kinds.py",
    "spark_reader/store.py: kind.keep": "fixed in spark_reader/kinds.py",
    "spark_reader/store.py: kind.leave": "fixed in spark_reader/kinds.py",
    "spark_reader/store.py: kind.leave_named": "fixed in spark_reader/kinds.py",
    "spark_reader/store.py: kind.leave_touched": "fixed in spark_reader/kinds.py",
    "spark_reader/store.py: kind.stage": "fixed in spark_reader/kinds.py",
    "spark_reader/store.py: kind.upsert": "fixed in spark_reader/kinds.py",
}
"""What is not fixed where it is executed, and why it is none the less."""
_CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")
_VERB = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE \S+ SET|DELETE FROM|COPY|WITH \S+ AS|DROP|CREATE|ALTER)\b")


def fixed(node: ast.expr) -> bool:
    """Text written in the source, constants of a module, or put together of nothing else."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.Name):
        return _CONSTANT.fullmatch(node.id) is not None
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add) and fixed(node.left) and fixed(node.right)
    if isinstance(node, ast.IfExp):
        return fixed(node.body) and fixed(node.orelse)
    return composed(node)


def composed(node: ast.expr) -> bool:
    """psycopg2.sql: SQL(...).format(...) or .join(...), whose own text is judged where SQL is called."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    inner = node.func.value
    if isinstance(inner, ast.Name):
        return inner.id == "sql" and node.func.attr == "SQL"
    return node.func.attr in ("format", "join") and composed(inner)


def built(node: ast.expr) -> bool:
    """Text put together on the spot."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) and not fixed(part.value) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return any(textual(side) for side in (node.left, node.right)) and not fixed(node)
    return isinstance(node, ast.Call) and called(node) == "format" and not composed(node)


def textual(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def statement_of(call: ast.Call, takers: dict[str, int]) -> ast.expr | None:
    place = takers.get(called(call))
    if place is None or len(call.args) <= place or isinstance(call.args[place], ast.Starred):
        return None
    return call.args[place]


def loose(tree: ast.Module) -> Iterator[ast.expr]:
    """Statements of a module that are not fixed; of a function that passes a parameter on, its callers are judged."""
    takers = dict(STATEMENTS)
    judged: set[str] = set()
    while True:
        found, passed = unfixed(tree, takers)
        if passed.keys() <= judged:
            yield from found
            return
        judged |= passed.keys()
        takers |= passed


def unfixed(tree: ast.Module, takers: dict[str, int]) -> tuple[list[ast.expr], dict[str, int]]:
    """Statements that are not fixed, but for a private function's parameters; and such functions, as takers."""
    found: list[ast.expr] = []
    passed: dict[str, int] = {}
    excused: set[ast.expr] = set()
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        private = function.name.startswith("_")
        names = [argument.arg for argument in function.args.args if argument.arg != "self"]
        for call in ast.walk(function):
            text = statement_of(call, takers) if isinstance(call, ast.Call) else None
            if isinstance(text, ast.Name) and private and text.id in names:
                passed[function.name] = names.index(text.id)
                excused.add(text)
            elif isinstance(text, ast.Name) and loops_over_constant(function, text.id):
                excused.add(text)
    for call in ast.walk(tree):
        text = statement_of(call, takers) if isinstance(call, ast.Call) else None
        if text is not None and text not in excused and not fixed(text):
            found.append(text)
    return found, passed


def loops_over_constant(function: ast.AST, name: str) -> bool:
    loops = [node for node in ast.walk(function) if isinstance(node, ast.For) and ast.unparse(node.target) == name]
    return bool(loops) and all(fixed(loop.iter) for loop in loops)


def offences(path: str, tree: ast.Module) -> set[str]:
    texts = list(loose(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in CONDITIONS:
            texts += [argument for argument in node.args if built(argument)]
    return {f"{path}: {ast.unparse(text)}" for text in texts}


def spelt(tree: ast.Module) -> Iterator[str]:
    """Statements put together in a function, wherever they go."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.JoinedStr | ast.BinOp | ast.Call) and built(node) and _VERB.match(first(node)):
                    yield ast.unparse(node)


def first(node: ast.expr) -> str:
    """The text that a built one begins with."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return first(node.values[0])
    if isinstance(node, ast.BinOp):
        return first(node.left)
    return first(node.func.value) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""


def test_every_statement_is_fixed_in_the_source() -> None:
    found = {offence for path, tree in sources().items() for offence in offences(path, tree)}
    assert found == set(FIXED)


def test_no_function_puts_a_statement_together() -> None:
    found = [f"{path}: {text}" for path, tree in sources().items() for text in spelt(tree)]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        'cursor.execute(f"SELECT {name}")',
        'cursor.execute("SELECT %s" % name)',
        'cursor.execute("SELECT {}".format(name))',
        'cursor.execute("SELECT " + name)',
        "cursor.execute(text)",
        'execute_values(cursor, "INSERT INTO " + name, rows)',
        'cursor.execute(sql.SQL("SELECT " + name))',
        'cursor.execute(sql.SQL(f"SELECT {name}").format(x))',
        'spark.sql(f"SELECT {name}")',
        "frame.where(f\"user_name = '{name}'\")",
        "frame.filter(\"user_name = '%s'\" % name)",
        "def _run(cursor, text):\n    cursor.execute(text)\n_run(cursor, 'SELECT ' + name)",
        "def run(cursor, text):\n    cursor.execute(text)",
    ],
)
def test_built_statements_are_found(source: str) -> None:
    assert offences("x.py", ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        'cursor.execute("SELECT %s", (name,))',
        "cursor.execute(_SELECT + ' WHERE id = %s', (1,))",
        'cursor.execute(sql.SQL("SELECT {}").format(sql.Identifier(name)))',
        "def _run(cursor, text):\n    cursor.execute(text)\n_run(cursor, _SELECT)",
        'frame.where(F.col("x") > position)',
    ],
)
def test_fixed_statements_are_no_offence(source: str) -> None:
    assert offences("x.py", ast.parse(source)) == set()
