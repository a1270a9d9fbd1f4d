"""Datasets in memory: found again, never more than two, and never stale."""

from surveyapp import campaigning, reporting
from surveyapp.reporting import AtHand
from surveyapp.storage.database import Database
from tests.makers import TODAY, change, make_answers, make_frame, make_wave, send


def fill(db: Database, name: str, n: int = 30) -> tuple[bytes, list[str]]:
    """A wave with `n` answers released; its key, and the codes of those who are silent."""
    _, key, codes = make_wave(db, name, frame=make_frame(60))
    for code in list(codes.values())[:n]:
        send(db, code, make_answers())
    reporting.open_tray(db, name, key)
    return key, list(codes.values())[n:]


def test_a_dataset_is_read_once_and_found_again(db: Database) -> None:
    fill(db, "tiny-1", 40)
    at_hand = AtHand()
    first = reporting.load(db, "tiny-1", at_hand=at_hand)[1]
    assert reporting.load(db, "tiny-1", at_hand=at_hand)[1] is first
    assert reporting.load(db, "tiny-1")[1] is not first


def test_answers_that_are_released_later_are_seen(db: Database) -> None:
    key, silent = fill(db, "tiny-1", 40)
    at_hand = AtHand()
    before = reporting.load(db, "tiny-1", at_hand=at_hand)[1].n
    for code in silent:
        send(db, code, make_answers())
    campaigning.close_wave(db, "tiny-1", TODAY)
    reporting.open_tray(db, "tiny-1", key)
    assert (before, reporting.load(db, "tiny-1", at_hand=at_hand)[1].n) == (20, 60)


def test_a_wave_under_the_same_name_elsewhere_is_another(db: Database) -> None:
    fill(db, "tiny-1", 40)
    at_hand = AtHand()
    first = reporting.load(db, "tiny-1", at_hand=at_hand)[1]
    change(db, "UPDATE wave SET carry = '[]'")
    assert reporting.load(db, "tiny-1", at_hand=at_hand)[1] is not first


def test_never_more_than_two_are_kept() -> None:
    at_hand, read = AtHand(), []

    def reading(name: str) -> object:
        def run() -> str:
            read.append(name)
            return name

        return at_hand.get(name, run)  # type: ignore[arg-type]

    for name in ("a", "b", "a", "c", "a", "b"):
        assert reading(name) == name
    assert read == ["a", "b", "c", "b"]
    assert len(at_hand) == 2
