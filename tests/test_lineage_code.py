"""Versions of code: what changes them, and what does not."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from obs2seq.lineage import code, graph, modules, remembering
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


def named():
    return words.SOME
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
    monkeypatch.setattr(graph, "remembered", lambda _, compute: compute())
    forget()
    yield files
    monkeypatch.undo()
    forget()


def forget() -> None:
    """Let everything be read anew."""
    for name in ("_text", "_attributes", "_references", "_annotated", "_neighbours", "_method_names"):
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


def test_what_a_module_holds_counts_where_the_module_is_named(sources: dict[str, str]) -> None:
    before = version("main:named")

    sources["words.py"] = sources["words.py"].replace('"some"', '"other"')

    assert version("main:named") != before


def test_a_function_that_moves_to_another_module_keeps_the_version(sources: dict[str, str]) -> None:
    before = version()

    moved = "def inner(rows):\n    return sorted(rows)\n"
    sources["words.py"] += moved
    sources["other.py"] = "from obs2seq.words import inner\n" + sources["other.py"].replace(moved, "")

    assert version() == before


def test_a_method_counts_where_an_object_is_made_in_one_function_and_used_in_another(sources: dict[str, str]) -> None:
    sources["main.py"] = (
        "from obs2seq.other import Ruler, Scale\n\n\n"
        "class Desk:\n"
        "    def __init__(self):\n        self.ruler = Ruler(Scale())\n\n"
        "    def length(self, rows):\n        return self.ruler.length(rows)\n"
    )
    before = version("main:Desk")

    sources["other.py"] = sources["other.py"].replace("len(rows) *", "len(rows) +")

    assert version("main:Desk") != before


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


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of its own for what is remembered, and a package of one file."""
    package = tmp_path / "package" / "lineage" / "remembering.py"
    package.parent.mkdir(parents=True)
    package.write_text("x = 1")
    monkeypatch.setattr(remembering, "__file__", str(package))
    monkeypatch.setattr(remembering, "FOLDER", str(tmp_path / "memory"))
    return package


def test_versions_are_worked_out_once_while_the_source_stays(memory: Path) -> None:
    assert remembering.remembered("graph", lambda: {"a": "1"}) == {"a": "1"}
    assert remembering.remembered("graph", lambda: {"a": "2"}) == {"a": "1"}
    assert remembering.remembered("another", lambda: {"b": "3"}) == {"b": "3"}

    memory.write_text("x = 12")

    assert remembering.remembered("graph", lambda: {"a": "2"}) == {"a": "2"}


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"source": "x"}'])
def test_what_is_damaged_is_worked_out_anew(memory: Path, tmp_path: Path, damage: str) -> None:
    remembering.remembered("graph", lambda: {"a": "1"})
    (file,) = (tmp_path / "memory").iterdir()

    file.write_text(damage)

    assert remembering.remembered("graph", lambda: {"a": "2"}) == {"a": "2"}


def test_a_place_that_cannot_be_written_is_no_error(memory: Path, tmp_path: Path) -> None:
    (tmp_path / "memory").write_text("a file where a folder should be")

    assert remembering.remembered("graph", lambda: {"a": "1"}) == {"a": "1"}
