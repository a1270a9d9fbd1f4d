"""How long fieldwork takes: `python -m tests.bench.fieldwork`. Prints; asserts nothing."""

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from surveyapp import campaigning, publishing, writing
from surveyapp.mail import Folder
from surveyapp.storage.database import connect
from surveyapp.writing import Desk
from tests.makers import TODAY, make_all_types, make_frame


def letters(units: int = 142) -> None:
    """Codes and invitations for a whole frame, into the outbox folder."""
    with TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        db = connect(folder / "surveyapp.db")
        publishing.publish(db, json.dumps(make_all_types()).encode(), TODAY)
        more = {"carry": [], "key_place": "holder", "closes": None, "today": TODAY, "keep_key": lambda _: None}
        campaigning.open_wave(db, "tiny-1", "tiny", "1", make_frame(units), **more)
        began = time.perf_counter()
        writing.invite(Desk(db, folder / "key", Folder(folder / "out"), TODAY), "tiny-1")
        click.echo(
            f"{units:,} invitations into the outbox: {time.perf_counter() - began:.2f} s   (142: at most 5 s)"
        )
        db.close()


def main() -> None:
    """The figures that fieldwork must hold."""
    letters()


if __name__ == "__main__":
    main()
