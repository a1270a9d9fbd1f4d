"""What must be true of the letters of a place, whatever happened while they were written."""

from collections import Counter

from surveyapp import collecting, writing
from surveyapp.problems import UnknownCode
from tests.faults.places import WAVE, Place, store
from tests.makers import PEPPER, TODAY


def letters_are_whole(place: Place) -> None:
    """Each letter in the folder has an end and a code that opens the door."""
    for letter in (place.home.outbox / WAVE).glob("*.eml"):
        assert _opens(place, letter.read_text()), f"{letter.name} has no code that works"


def everybody_has_one(place: Place) -> None:
    """Of one at most nobody can say whether it was written; that one is listed for a person to decide."""
    letters_are_whole(place)
    db = store(place.home)
    states = Counter(entry.state for entry in writing.listed(db, WAVE))
    db.close()
    assert states.total() == 8, "somebody has a code and no letter"
    assert states.keys() <= {"sent", "unknown"}
    assert states["unknown"] <= 1
    assert len(list((place.home.outbox / WAVE).glob("*.eml"))) >= states["sent"], "sent, and no file"


def _opens(place: Place, letter: str) -> bool:
    db = store(place.home)
    try:
        collecting.enter(db, PEPPER, letter.partition("/#")[2][:23], TODAY)
    except UnknownCode:
        return False
    finally:
        db.close()
    return letter.endswith("\n")
