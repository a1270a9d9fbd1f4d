"""The tutorials of the manual can be followed, and show what is seen on the way."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from surveyapp.config import Home
from tests.browser.tours import ROOT, tour

pytestmark = pytest.mark.browser


def test_every_tutorial_can_be_followed_through_the_demonstration(chromium: Browser, tmp_path: Path) -> None:
    taken = tour(chromium, Home(tmp_path))
    pages = [*(ROOT / "docs/tutorials").glob("*.md"), ROOT / "docs/staff.md"]
    shown = {name for page in pages for name in re.findall(r"pictures/([\w-]+)\.png", page.read_text("utf-8"))}
    assert set(taken) == shown, "take the pictures anew: make pictures"
