"""The page in a browser: it opens without errors, fits a phone, and is drawn in light and in dark."""

import re
import shutil
import subprocess
from html import escape
from pathlib import Path

import pytest

from obs2seq.bootstrap import run
from obs2seq.bootstrap.reports import report_published
from tests.small_jobs import answers, put_answers, settings_for
from tests.test_report import FEATURES, SECTIONS, published

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: make browser")
WIDTHS = "<script>document.title = document.documentElement.scrollWidth + ' of ' + window.innerWidth</script>"


def browse(page: Path, *options: str, width: int = 1000) -> tuple[str, str]:
    """Open a page; return its elements, and what the browser says beside them."""
    assert CHROMIUM is not None
    words = [
        CHROMIUM,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--enable-logging=stderr",
    ]
    words += [f"--user-data-dir={page.parent / 'browser'}", f"--window-size={width},2000", *options, page.as_uri()]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page on two subsets."""
    folder = tmp_path_factory.mktemp("page")
    published(folder, audit="warn")
    file = folder / "report.html"
    file.write_text(report_published(str(folder / "out"), ["train", "test"]) + WIDTHS, encoding="utf-8")
    return file


def test_it_opens_without_errors_and_has_every_section(page: Path) -> None:
    elements, said = browse(page, "--dump-dom")
    assert "CONSOLE" not in said
    assert re.findall(r'<section id="(\w+)">', elements) == SECTIONS
    assert elements.count('class="plot"') >= 10


def overflow(page: str, folder: Path, width: int) -> tuple[int, int]:
    """Return how wide a page is that has this room, and the room: framed, as a window has 500 at least."""
    frame = f'<iframe width="{width}" height="800" frameborder="0" srcdoc="{escape(page)}"></iframe>'
    told = "const w = frames[0]; document.title = w.document.scrollingElement.scrollWidth + ' of ' + w.innerWidth"
    file = folder / f"frame_{width}.html"
    file.write_text(f"<body>{frame}<script>onload = () => {{ {told} }}</script>", encoding="utf-8")
    elements, _ = browse(file, "--dump-dom", width=1600)
    found = re.search(r"<title>(\d+) of (\d+)</title>", elements)
    assert found is not None
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("width", [360, 1400])
def test_it_fits_the_width_of_a_phone_and_of_a_screen(page: Path, width: int) -> None:
    needed, room = overflow(page.read_text(), page.parent, width)
    assert needed <= room == width


LONG = "a_column_with_a_very_long_name_that_somebody_has_thought_of"
ROWS = [{"name": LONG, "kind": "allowed", "column": "correct", "values": (1,), "severity": "quarantine"}]
WIDE_PAGES: dict[str, dict[str, object]] = {
    "rules and features with long names": {
        "rules": ROWS,
        "features": [
            {"name": LONG, "column": "correct", "pad": -1},
            {"name": "time", "column": "answered_at", "pad": "1970-01-01"},
        ],
    },
    "many subsets": {
        "subsets": {
            "train": 0.1,
            "test": 0.1,
            **{f"subset_{i}_with_a_name_as_long_as_somebody_has_found_fit": 0.1 for i in range(8)},
        }
    },
    "exploded": {"explode": "skill", "sequence_length": 200},
}


@pytest.mark.parametrize("name", WIDE_PAGES)
def test_wide_reports_fit_a_phone_too(tmp_path: Path, name: str) -> None:
    pupils = [[row | {"skill": "加,b\tc,$d$"} for row in answers(pupil, [1, 0, 1])] for pupil in range(60)]
    put_answers(str(tmp_path / "in" / "part-0.parquet"), *pupils)
    changes = {"engine": "arrow", "report": True, "audit": "warn", "features": FEATURES}
    run(settings_for(str(tmp_path / "in"), str(tmp_path / "out"), **(changes | WIDE_PAGES[name])))
    page = next((tmp_path / "out").glob("*/run_id=*/_REPORT.html")).read_text()

    needed, room = overflow(page, tmp_path, 360)

    assert needed <= room == 360


def test_it_is_drawn_in_light_and_in_dark(page: Path, tmp_path: Path) -> None:
    image = pytest.importorskip("matplotlib.image")
    paper = {}
    for name, options in {"light": [], "dark": ["--blink-settings=preferredColorScheme=0"]}.items():
        picture = tmp_path / f"{name}.png"
        browse(page, f"--screenshot={picture}", *options)
        pixels = image.imread(picture)[:, :, :3]
        paper[name] = pixels[0, 0].mean()
        assert pixels.std() > 0.05  # something stands there
    assert paper["light"] > 0.9
    assert paper["dark"] < 0.2
