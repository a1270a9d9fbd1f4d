"""The manual: it is built without a fault, fetches nothing, and names only what there is."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest

from surveyapp.cli import main, reference

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
NO_COMMANDS = ("sample 1", "surveyapp")
"""What follows the word where it is no command: the seed of a sample, a user and its group."""

FETCHED = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manual as `make manual` builds it; a link or anchor that leads nowhere stops it."""
    folder = tmp_path_factory.mktemp("manual")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={"NO_MKDOCS_2_WARNING": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


class _Fetching(HTMLParser):
    """The addresses that a browser fetches by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note what is fetched."""
        if tag == "link" and dict(attributes).get("rel") in {"canonical", "next", "prev", "edit"}:
            return
        self.found += [value for name, value in attributes if (tag, name) in FETCHED and value]


def test_no_page_of_the_manual_fetches_anything_from_elsewhere(built: Path) -> None:
    pages = list(built.rglob("*.html"))
    assert len(pages) > 25
    for page in pages:
        reader = _Fetching()
        reader.feed(page.read_text(encoding="utf-8"))
        assert reader.found
        assert [address for address in reader.found if urlsplit(address).netloc] == [], page.name


def test_no_stylesheet_of_the_manual_fetches_a_font(built: Path) -> None:
    for sheet in built.rglob("*.css"):
        assert not re.search(r"url\(['\"]?https?:", sheet.read_text(encoding="utf-8")), sheet.name


def test_every_page_can_be_reached_from_the_contents(built: Path) -> None:
    """A page beside the contents would be found by nobody; mkdocs only tells, in its strict way."""
    listed = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    assert listed == {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    assert (ROOT / reference.PAGE).read_text(encoding="utf-8") == reference.page(), "run: make schemas"


def test_every_option_says_what_it_does() -> None:
    silent = [line for line in reference.page().splitlines() if line.startswith("| `-") and line.endswith("|  |")]
    assert silent == []


def test_every_picture_is_shown_somewhere() -> None:
    shown = {name for page in PAGES for name in re.findall(r"pictures/([\w-]+\.png)", page.read_text("utf-8"))}
    assert {picture.name for picture in (ROOT / "docs/pictures").iterdir()} == shown


def test_contributors_are_sent_to_six_files_that_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files = re.findall(r"^\d\. `([^`]+)`", text, re.MULTILINE)
    assert len(files) == 6
    assert [file for file in files if not (ROOT / file).is_file()] == []


# ── commands named in the text ───────────────────────────────────────────────


def examples() -> Iterator[tuple[str, str]]:
    """Each command that a page gives in a block or as code, with the page's name."""
    for page in PAGES:
        if page.name in {"decisions.md", "commands.md"}:
            continue
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^(?:    |sudo |\$ )*(?:\S*/)?surveyapp ([^\n`]+)$", text, re.MULTILINE)
        inline = re.findall(r"`(?:[^`\n]*[ /])?surveyapp ([a-z-][^`\n]*)`", text)
        for command in [*blocks, *inline]:
            if not command.startswith(NO_COMMANDS):
                yield page.name, command


def _words(command: str) -> list[str]:
    command = re.split(r"\s{2,}|\s+#|;|\|\||…|[<>]", command)[0]
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    while words and words[0].startswith("--home"):
        words = words[2:]
    return words


def _faults(words: list[str]) -> Iterator[str]:
    at: click.Command = main
    while isinstance(at, click.Group) and words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
        if words[0] not in at.commands:
            yield f"there is no command {words[0]}"
            return
        at = at.commands[words[0]]
        words = words[1:]
    known = {name for parameter in at.params for name in (*parameter.opts, *parameter.secondary_opts)}
    for word in words:
        option = word.strip("[](),.").split("=")[0]
        if re.fullmatch(r"--[a-z-]+", option) and option not in known | {"--help", "--version", "--home"}:
            yield f"{at.name} has no option {option}"


def test_the_text_names_commands() -> None:
    assert len(list(examples())) > 100


@pytest.mark.parametrize("where", sorted({page for page, _ in examples()}))
def test_every_command_that_a_page_names_is_one(where: str) -> None:
    named = [command for page, command in examples() if page == where]
    faults = [(command, fault) for command in named for fault in _faults(_words(command))]
    assert faults == []


def test_a_command_that_is_none_is_found() -> None:
    assert list(_faults(_words("wave begin dat"))) == ["there is no command begin"]
    assert list(_faults(_words("wave close dat --soon"))) == ["close has no option --soon"]
    assert list(_faults(_words("wave close dat"))) == []
