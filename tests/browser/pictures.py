"""Pictures of the pages for the documentation, and for looking at them.

    .venv/bin/python -m tests.browser.pictures docs/pictures HOME

HOME is the home of a demonstration (`surveyapp demo --no-serve`); the wave that anyone can try is walked through.
Nothing in it is sent.
"""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import make_server

from surveyapp.config import Home
from surveyapp.demonstration.play import OPEN_WAVE
from surveyapp.web import create_app
from tests.browser.conftest import ARGUMENTS, CHROMIUM, Quiet

WIDTHS = {"": 1280, "-phone": 375}
HEIGHT = 900
CHOSEN = (1, 2, 2, 3, 0, 2, 4, 1)
"""The column chosen in each of the first rows of the grid."""


def main(folder: Path, home: Home) -> None:
    """Write `page-NAME.png` and `page-NAME-phone.png` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    server = make_server("127.0.0.1", 0, create_app(home, secure=False), threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for suffix, width in WIDTHS.items():
            page = browser.new_page(viewport={"width": width, "height": HEIGHT})
            for name in walk(page, f"http://127.0.0.1:{server.port}"):
                page.screenshot(path=folder / f"page-{name}{suffix}.png")
        browser.close()
    server.shutdown()
    server.server_close()


def walk(page: Page, address: str) -> Iterator[str]:
    """Lead `page` from sight to sight; the name of each."""
    page.goto(f"{address}/open/{OPEN_WAVE}")
    yield "start"
    press(page)
    press(page)
    yield "error"
    page.locator("#team_type").check()
    press(page)
    page.goto(f"{address}/answer/page/partners_next")
    for row, column in enumerate(CHOSEN):
        page.locator(".app-grid__row").nth(row).locator("input").nth(column).check()
    leave_alone(page)
    yield "grid"
    press(page)
    page.goto(f"{address}/answer/sections")
    yield "sections"
    page.goto(f"{address}/answer/check")
    page.get_by_role("heading", level=3).nth(2).evaluate("heading => heading.scrollIntoView()")
    yield "check"


def press(page: Page) -> None:
    """Press the first large button in sight."""
    page.locator("button.govuk-button:visible").first.click()


def leave_alone(page: Page) -> None:
    """Take pointer and focus away, so that nothing is lit up."""
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    page.evaluate("scrollTo(0, 0)")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Home(Path(sys.argv[2]).resolve()))
