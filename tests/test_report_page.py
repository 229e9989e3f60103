"""The page in a browser: it opens without errors, fits a phone, and is drawn in light and in dark."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from obs2seq.bootstrap.reports import report_published
from tests.test_report import SECTIONS, published

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


@pytest.mark.parametrize("width", [500, 1400])
def test_it_fits_the_width_of_a_phone_and_of_a_screen(page: Path, width: int) -> None:
    elements, _ = browse(page, "--dump-dom", width=width)
    found = re.search(r"<title>(\d+) of (\d+)</title>", elements)
    assert found is not None
    assert int(found[1]) <= int(found[2]) <= width


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
