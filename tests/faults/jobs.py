"""What is done while a process is killed: each job is one use case, with its decisive step as an argument.

The step is ours, or a careless one of `careless_jobs`, which must be caught by the same checks.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from surveyapp import campaigning, collecting, privacy, reporting, retaining, returning, writing
from surveyapp.config import Home, write_aside, write_once
from surveyapp.mail import transport
from surveyapp.problems import AlreadyReceived
from surveyapp.storage import backups
from surveyapp.writing import Desk
from tests.faults import victims
from tests.faults.places import WAVE, store
from tests.makers import PEPPER, TODAY, make_answers, make_frame, opened

Step = Callable[..., Any]

PAGES = {"p1": ("kind", "sources"), "p2": ("partners.police", "partners.health", "issues")}
LATER = TODAY + timedelta(days=100)


def visit(
    home: Home, code: str, told: Path, save: Step = collecting.save_page, submit: Step = collecting.submit
) -> None:
    """One respondent: two pages are saved, the answers are sent; what each page said is told."""
    db = store(home)
    try:
        here = collecting.enter(db, PEPPER, code, TODAY)
        for page, names in PAGES.items():
            answers = {name: answer for name, answer in make_answers(issues=code).items() if name in names}
            save(db, here, page, opened(db, here, page, answers), TODAY)
            victims._tell(told, f"saved {code} {page}")
        submit(db, here, TODAY)
    except AlreadyReceived:
        pass  # the page says so, and it is as good as the thanks
    victims._tell(told, f"received {code}")


def release(home: Home, key: bytes, open_tray: Step = reporting.open_tray) -> None:
    """The tray is opened."""
    open_tray(store(home), WAVE, key)


def close(home: Home, close_wave: Step = campaigning.close_wave) -> None:
    """The wave is closed."""
    close_wave(store(home), WAVE, TODAY)


def invite(home: Home, smtp: str = "", run: Step = writing.invite) -> None:
    """Everybody is invited, into the folder of letters or through a mail server."""
    out = transport(home.outbox / WAVE, smtp, "")
    desk = Desk(store(home), home.outbox_key, out, TODAY)
    run(desk, WAVE, address="https://x.example", sender="office@example.org")


def open_wave(home: Home, step: Step = campaigning.open_wave) -> None:
    """A wave is opened whose key stays on the server."""

    def keep(private: bytes) -> None:
        write_once(home.wave_key(WAVE), privacy.key_file(WAVE, private).encode())

    settings = {"carry": ["region"], "key_place": "server", "closes": None, "today": TODAY}
    step(store(home), WAVE, "tiny", "1", make_frame(), keep_key=keep, **settings)


def load(home: Home, content: bytes, load_returns: Step = returning.load_returns) -> None:
    """Returns on paper are loaded from a file."""
    load_returns(store(home), WAVE, "returns.csv", content, TODAY, unit_column="unit")


def write(path: Path, content: bytes, put: Step = write_aside) -> None:
    """A file is written over one that is there already."""
    put(path, content)


def erase(home: Home, run: Step = retaining.run) -> None:
    """What is over is erased."""
    run(store(home), home, LATER)


def copy(home: Home, path: Path, back_up: Step = backups.back_up) -> None:
    """The database is copied."""
    back_up(store(home), path)
