"""Versions of code: what changes them, and what does not."""

from collections.abc import Callable, Iterator

import pytest

from obs2seq.lineage import code, modules
from obs2seq.lineage.code import code_version
from obs2seq.lineage.graph import Graph, Step
from obs2seq.lineage.modules import Symbol

MAIN = '''
"""A step, and what it calls."""
from obs2seq.other import LIMIT, Ruler, helper
from obs2seq import words


def step(rows, ruler: Ruler):
    """Cut rows."""
    # as the contract says
    if not rows:
        raise ValueError(f"expected rows, found {words.NONE}")
    return helper(rows, LIMIT) + ruler.length(rows)


def beside(rows):
    return rows + words.SOME
'''
OTHER = """
LIMIT = 3


class Scale:
    def marks(self):
        return 10


class Ruler:
    def __init__(self, scale: Scale):
        self.scale = scale

    def length(self, rows):
        return len(rows) * self.scale.marks()

    def colour(self):
        return "red"


def helper(rows, limit):
    return inner(rows)[:limit]


def inner(rows):
    return sorted(rows)


def unused():
    return 0
"""
WORDS = 'NONE = "none"\nSOME = "some"\n'

Change = Callable[..., None]


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The package's source, replaced by a small one that a test may change."""
    files = {"main.py": MAIN, "other.py": OTHER, "words.py": WORDS, "__init__.py": ""}

    def get_data(_: str, path: str) -> bytes:
        if path not in files:
            raise FileNotFoundError(path)
        return files[path].encode()

    monkeypatch.setattr(modules.pkgutil, "get_data", get_data)
    forget()
    yield files
    monkeypatch.undo()
    forget()


def forget() -> None:
    """Let everything be read anew."""
    for name in ("_text", "_references", "_annotated", "_neighbours", "_method_names"):
        getattr(code, name).cache_clear()
    modules.module.cache_clear()


def version(root: str = "main:step", **others: str) -> str:
    forget()
    return code_version([Symbol.of(root)], [Symbol.of(other) for other in others.values()])


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("main.py", "helper(rows, LIMIT) + ruler", "helper(rows, LIMIT) - ruler"),
        ("main.py", "if not rows", "if rows is None"),
        ("other.py", "LIMIT = 3", "LIMIT = 4"),
        ("other.py", "inner(rows)[:limit]", "inner(rows)[limit:]"),
        ("other.py", "sorted(rows)", "sorted(rows, reverse=True)"),
        ("other.py", "len(rows) *", "len(rows) +"),
        ("other.py", "return 10", "return 12"),
    ],
)
def test_a_version_changes_with_the_code_and_with_all_that_it_calls(
    sources: dict[str, str], file: str, old: str, new: str
) -> None:
    before = version()

    assert old in sources[file]
    sources[file] = sources[file].replace(old, new)

    assert version() != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("main.py", "Cut rows.", "Cut the rows."),
        ("main.py", "# as the contract says", "# as it ever was"),
        ("main.py", "helper(rows, LIMIT)", "helper(\n        rows,\n        LIMIT,\n    )"),
        ("main.py", "expected rows", "expected some rows"),
        ("main.py", "rows + words.SOME", "rows"),
        ("other.py", "return 0", "return 1"),
        ("other.py", '"red"', '"blue"'),
        ("words.py", '"none"', '"nothing"'),
        ("other.py", "class Ruler:", 'class Ruler:\n    """Measures."""\n'),
    ],
)
def test_a_version_stays_where_nothing_that_counts_changes(
    sources: dict[str, str], file: str, old: str, new: str
) -> None:
    before = version()

    assert old in sources[file]
    sources[file] = sources[file].replace(old, new)

    assert version() == before


def test_a_function_that_moves_to_another_module_keeps_the_version(sources: dict[str, str]) -> None:
    before = version()

    moved = "def inner(rows):\n    return sorted(rows)\n"
    sources["words.py"] += moved
    sources["other.py"] = "from obs2seq.words import inner\n" + sources["other.py"].replace(moved, "")

    assert version() == before


def test_a_local_name_hides_that_of_the_module(sources: dict[str, str]) -> None:
    sources["main.py"] = "from obs2seq.other import inner\n\n\ndef step(inner):\n    return inner\n"
    before = version()

    sources["other.py"] = sources["other.py"].replace("sorted(rows)", "rows")

    assert version() == before


def test_what_another_step_stands_for_does_not_count_twice(sources: dict[str, str]) -> None:
    before = version(other="other:inner")

    sources["other.py"] = sources["other.py"].replace("sorted(rows)", "rows")

    assert version(other="other:inner") == before
    assert version() != before


def chain() -> Graph:
    """Three steps: `step` and `beside` read the input, and the last reads `step` alone."""
    roots = {"step": "main:step", "beside": "main:beside", "last": "words:SOME"}
    upstream = {"step": ("rows",), "beside": ("rows",), "last": ("step",)}
    steps = {name: Step(name, "", upstream[name], (Symbol.of(root),)) for name, root in roots.items()}
    return Graph("spark", steps, "last")


def test_a_step_has_another_version_where_one_upstream_has_and_only_there(sources: dict[str, str]) -> None:
    before = dict(chain().versions)

    forget()
    sources["other.py"] = sources["other.py"].replace("LIMIT = 3", "LIMIT = 4")
    after = dict(chain().versions)

    assert [name for name in before if before[name] != after[name]] == ["step", "last"]


def test_the_path_to_a_step_has_the_versions_of_the_whole(sources: dict[str, str]) -> None:
    whole = chain()

    path = whole.path_to("step")

    assert list(path.steps) == ["step"]
    assert path.versions["step"] == whole.versions["step"]
    assert path.inputs == ["rows"]
