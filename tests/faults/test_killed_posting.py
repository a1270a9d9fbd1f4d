"""A sending killed anywhere: nobody gets two letters, and nobody goes without being listed."""

import json
import random
from collections import Counter
from pathlib import Path

from surveyapp import campaigning, publishing, writing
from surveyapp.mail import transport
from surveyapp.storage.database import Database
from surveyapp.writing import Desk
from tests.faults import victims
from tests.makers import TODAY, make_all_types, make_frame
from tests.postoffice import post_office, post_once

UNITS = 142


def test_a_sending_killed_again_and_again_writes_to_nobody_twice(db: Database, tmp_path: Path) -> None:
    _opened(db)
    key_file, chance, ended = tmp_path / "outbox-key", random.Random(21), Counter[int | None]()
    with post_office() as office:
        for _ in range(12):
            job = (db.path, key_file, office.port)
            ended[victims.killed_after(chance.uniform(0.05, 0.3), post_once, *job)] += 1
            assert not office.count or max(office.count.values()) == 1
        out = transport(tmp_path / "out", f"smtp://127.0.0.1:{office.port}", "")
        last = writing.invite(Desk(db, key_file, out, TODAY), "tiny-1")
    assert ended[-9] >= 3, f"hardly any run was killed in time: {ended}"
    had, listed = {to.partition("@")[0] for to in office.count}, {int(unit[1:]) for unit in last.unknown}
    without = {n for n in range(1, UNITS + 1) if f"team{n}" not in had}
    assert set(office.count.values()) == {1}
    assert without <= listed, f"lost and not listed: {without - listed}"
    assert len(listed) <= ended[-9]
    assert last.waiting == 0
    states = Counter(letter.state for letter in writing.listed(db, "tiny-1"))
    assert states == Counter({"sent": UNITS - len(listed), "unknown": len(listed)}) - Counter()


def _opened(db: Database) -> None:
    publishing.publish(db, json.dumps(make_all_types()).encode(), TODAY)
    campaigning.open_wave(
        db,
        "tiny-1",
        *("tiny", "1"),
        make_frame(UNITS),
        carry=[],
        key_place="holder",
        closes=None,
        today=TODAY,
        keep_key=lambda _: None,
    )
