"""Posting through a real mail server: refusals, lost connections, slow answers lose no letter and double none."""

import email
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from email.policy import default
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from surveyapp import campaigning, framing, publishing, writing
from surveyapp.mail import Folder, Server, Unreachable, server_at, transport
from surveyapp.problems import SurveyError
from surveyapp.storage import frames
from surveyapp.storage.database import Database
from surveyapp.writing import Desk, Outcome
from tests.makers import TODAY, make_all_types, make_frame
from tests.postoffice import PASSWORD, USER, Office, make_certificate, post_office, silent_port

EVERYBODY = {f"team{i}@example.org" for i in range(1, 41)}


# ── letters that arrive ──────────────────────────────────────────────────────


def test_everybody_gets_one_letter_over_one_connection(db: Database, tmp_path: Path) -> None:
    _opened(db)
    with post_office() as office:
        assert _invite(db, tmp_path, office).sent == 40
        assert _invite(db, tmp_path, office).sent == 0
    assert office.count == dict.fromkeys(EVERYBODY, 1)
    assert set(office.senders) == {"office@example.org"}
    assert office.connections == 2
    letter = email.message_from_bytes(office.taken[0][1], policy=default)
    assert letter["To"] == "team1@example.org"
    assert "Date" not in letter


def test_a_line_of_a_dot_arrives_as_it_is(db: Database, tmp_path: Path) -> None:
    _opened(db)
    writing.set_template(db, "tiny-1", "invitation", "en", b"Subject: x\n\n.\n..a\n{code}\n.\nend\n")
    with post_office() as office:
        _invite(db, tmp_path, office)
    words = email.message_from_bytes(office.taken[0][1], policy=default).get_content().splitlines()
    assert (words[:2], words[3:]) == ([".", "..a"], [".", "end"])


# ── refusals ─────────────────────────────────────────────────────────────────


def test_an_address_refused_for_good_fails_with_its_code_and_the_others_go(db: Database, tmp_path: Path) -> None:
    _opened(db)
    with post_office(to_recipient=_for("team7@", "550 5.1.1 nobody here since 10:15")) as office:
        outcome = _invite(db, tmp_path, office)
    assert (outcome.sent, outcome.waiting, outcome.stopped) == (39, 0, "")
    assert outcome.failed == [
        "U007: the mail server 127.0.0.1 refuses team7@example.org: 550 5.1.1 nobody here since 10:15"
    ]
    (failed,) = writing.listed(db, "tiny-1", "failed")
    assert (failed.unit.unit, failed.note, failed.code) == ("U007", "550 5.1.1", None)
    assert office.count == dict.fromkeys(EVERYBODY - {"team7@example.org"}, 1)


def test_what_failed_can_be_sent_again_with_a_new_code(db: Database, tmp_path: Path) -> None:
    _opened(db)
    with post_office(to_recipient=_for("team7@", "550 5.1.1 no")) as office:
        _invite(db, tmp_path, office)
        office.to_recipient = lambda _to: None
        assert writing.resend(_desk(db, tmp_path, office), "tiny-1", []).sent == 1
    assert office.count == dict.fromkeys(EVERYBODY, 1)


@pytest.mark.parametrize("where", ["to_recipient", "to_text"])
def test_a_letter_refused_for_now_stays_due(db: Database, tmp_path: Path, where: str) -> None:
    _opened(db)
    with post_office(**{where: _for("team7@", "451 4.7.1 later")}) as office:
        outcome = _invite(db, tmp_path, office)
        assert (outcome.sent, outcome.waiting, len(outcome.postponed)) == (39, 1, 1)
        setattr(office, where, lambda _to: None)
        office.taken = [one for one in office.taken if not one[0].startswith("team7@")]
        assert _invite(db, tmp_path, office).sent == 1
    assert office.count == dict.fromkeys(EVERYBODY, 1)


@pytest.mark.parametrize("where", ["to_recipient", "to_text"])
def test_421_in_the_middle_loses_nothing_and_doubles_nothing(db: Database, tmp_path: Path, where: str) -> None:
    _opened(db)
    told: list[str] = []
    with post_office(**{where: _once("team7@", "421 4.3.2 closing", told)}) as office:
        first = _invite(db, tmp_path, office)
        second = _invite(db, tmp_path, office)
    assert told == ["team7@example.org"]
    assert first.sent + second.sent == 40
    assert office.count == dict.fromkeys(EVERYBODY, 1)
    assert writing.listed(db, "tiny-1", "unknown") == []


def test_a_server_that_hangs_up_for_good_leaves_the_rest_due(db: Database, tmp_path: Path) -> None:
    _opened(db)
    with post_office(to_recipient=_for("team7@", "421 hang up")) as office:
        outcome = _invite(db, tmp_path, office)
    assert "hung up" in outcome.stopped
    assert outcome.sent + outcome.waiting == 40
    assert outcome.waiting == len(EVERYBODY - set(office.count))


def test_a_letter_out_without_an_answer_is_listed_and_not_sent_again(db: Database, tmp_path: Path) -> None:
    _opened(db)
    with post_office(to_text=_for("team7@", "take and hang up")) as office:
        first = _invite(db, tmp_path, office)
        assert "did not say whether it took the letter" in first.stopped
        second = _invite(db, tmp_path, office)
    assert (first.unknown, second.unknown, second.waiting) == (["U007"], ["U007"], 0)
    assert office.count == dict.fromkeys(EVERYBODY, 1)


def test_a_sender_that_is_refused_fails_nobody(db: Database, tmp_path: Path) -> None:
    _opened(db)
    with post_office(to_sender=lambda _: "553 5.7.1 not yours") as office:
        outcome = _invite(db, tmp_path, office)
    assert "refuses the sender office@example.org: 553" in outcome.stopped
    assert (outcome.sent, outcome.waiting, outcome.failed) == (0, 40, [])


def test_ten_refusals_in_a_row_stop_the_run(db: Database, tmp_path: Path) -> None:
    _opened(db)
    with post_office(to_recipient=lambda _: "554 5.7.1 relaying denied") as office:
        outcome = _invite(db, tmp_path, office)
        assert (len(outcome.failed), outcome.waiting) == (10, 30)
        assert "10 letters were refused one after the other" in outcome.stopped
        office.to_recipient = lambda _to: None
        assert writing.resend(_desk(db, tmp_path, office), "tiny-1", []).sent == 40
    assert office.count == dict.fromkeys(EVERYBODY, 1)


@pytest.mark.parametrize(
    ("refusal", "disposition"),
    [
        ("550 5.1.1 nobody here", "undeliverable"),
        ("550 nobody here", "undeliverable"),
        ("553 5.1.3 bad address", "undeliverable"),
        ("550 5.2.1 mailbox disabled", "undeliverable"),
        ("550 5.4.1 recipient address rejected", "undeliverable"),
        ("550 5.0.0 no", "undeliverable"),
        ("550 5.7.1 relaying denied", ""),
        ("550 5.1.8 bad sender", ""),
        ("552 5.2.2 mailbox full", ""),
        ("554 no", ""),
        ("450 4.1.1 try later", ""),
        ("550", "undeliverable"),
    ],
)
def test_an_organisation_is_undeliverable_where_its_address_is_refused_for_good(
    db: Database, tmp_path: Path, refusal: str, disposition: str
) -> None:
    _opened(db)
    with post_office(to_recipient=_for("team7@", refusal)) as office:
        outcome = _invite(db, tmp_path, office)
    assert outcome.undeliverable == (["U007"] if disposition else [])
    assert _noted(db) == ({"U007": disposition} if disposition else {})


def test_a_text_that_is_refused_says_nothing_of_the_address(db: Database, tmp_path: Path) -> None:
    _opened(db)
    with post_office(to_text=_for("team7@", "550 looks like spam")) as office:
        assert len(_invite(db, tmp_path, office).failed) == 1
    assert _noted(db) == {}


@pytest.mark.parametrize("refusal", ["550 5.1.1 nobody", "550 no"])
def test_where_all_are_refused_no_address_is_to_blame(db: Database, tmp_path: Path, refusal: str) -> None:
    """Of the first eleven each stands for itself; then ten in a row are refused, and none of these is noted."""
    _opened(db)
    bad = {"team3@example.org", *(f"team{i}@example.org" for i in range(12, 41))}
    with post_office(to_recipient=lambda to: refusal if to in bad else None) as office:
        outcome = _invite(db, tmp_path, office)
    assert "10 letters were refused one after the other" in outcome.stopped
    assert (outcome.undeliverable, _noted(db)) == (["U003"], {"U003": "undeliverable"})


def test_a_server_that_takes_nobody_in_marks_nobody(db: Database, tmp_path: Path) -> None:
    _opened(db)
    with _greeting(b"554 go away\r\n") as port, pytest.raises(Unreachable, match="cannot be reached"):
        _invite(db, tmp_path, Office(port=port))
    assert (_noted(db), campaigning.status(db, "tiny-1").invited) == ({}, 0)


def test_another_note_of_an_organisation_is_kept(db: Database, tmp_path: Path) -> None:
    _opened(db)
    with post_office() as office:
        _invite(db, tmp_path, office)
        office.to_recipient = _for("team7@", "550 5.1.1 nobody")
        later = replace(_desk(db, tmp_path, office), today=TODAY + timedelta(10))
        assert writing.remind(later, "tiny-1", [10]).undeliverable == ["U007"]
    writing.mark_organisation(db, "tiny-1", "U007", "refused", TODAY)
    assert _noted(db) == {"U007": "refused"}


def test_a_new_address_or_another_try_takes_the_note_back(db: Database, tmp_path: Path) -> None:
    _opened(db)
    bad = {"team7@example.org", "team8@example.org"}
    with post_office(to_recipient=lambda to: "550 5.1.1 no" if to in bad else None) as office:
        _invite(db, tmp_path, office)
        assert _noted(db) == {"U007": "undeliverable", "U008": "undeliverable"}
        framing.change_contact(db, "tiny-1", "U007", email="new@example.org")
        assert _noted(db) == {"U008": "undeliverable"}
        bad.clear()
        assert writing.resend(_desk(db, tmp_path, office), "tiny-1", []).sent == 2
    assert _noted(db) == {}


# ── slow, silent, gone ───────────────────────────────────────────────────────


def test_a_slow_server_is_waited_for(db: Database, tmp_path: Path) -> None:
    _opened(db, 10)
    with post_office(slow=0.1) as office:
        assert _invite(db, tmp_path, office, "?timeout=5").sent == 10


def test_a_server_that_is_too_slow_is_left_and_its_letter_listed(db: Database, tmp_path: Path) -> None:
    _opened(db, 10)
    with post_office(slow=3) as office:
        began = time.monotonic()
        outcome = _invite(db, tmp_path, office, "?timeout=0.5")
        assert time.monotonic() - began < 2.5
    assert (outcome.sent, outcome.unknown, outcome.waiting) == (0, ["U001"], 9)
    assert office.count == {"team1@example.org": 1}


def test_a_server_that_never_says_a_word_invites_nobody(db: Database, tmp_path: Path) -> None:
    _opened(db)
    with silent_port() as port, pytest.raises(Unreachable, match=r"did not answer on port \d+ within 0.3 seconds"):
        _invite(db, tmp_path, Office(port=port), "?timeout=0.3")
    assert campaigning.status(db, "tiny-1").invited == 0


def test_a_server_that_is_not_there_invites_nobody(db: Database, tmp_path: Path) -> None:
    _opened(db)
    with silent_port() as port:
        pass
    with pytest.raises(Unreachable, match=r"cannot be reached on port \d+: .*refused"):
        _invite(db, tmp_path, Office(port=port))
    assert campaigning.status(db, "tiny-1").invited == 0


# ── TLS and passwords ────────────────────────────────────────────────────────


@pytest.mark.parametrize("way", ["smtps", "starttls"])
def test_letters_go_over_tls_with_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    with _guarded(tmp_path, monkeypatch, way) as (office, address):
        writing.send_test(_desk_of(tmp_path, address, PASSWORD), "a@example.org", "office@example.org")
        with pytest.raises(Unreachable, match=r"refuses the password \(535\); check the user in SURVEYAPP_SMTP"):
            writing.send_test(_desk_of(tmp_path, address, "wrong"), "a@example.org", "office@example.org")
    assert office.count == {"a@example.org": 1}


@pytest.mark.parametrize("way", ["smtps", "starttls"])
def test_a_certificate_that_nobody_vouches_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    with _guarded(tmp_path, monkeypatch, way) as (office, address):
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(
            Unreachable, match=r"certificate of the mail server 127\.0\.0\.1 does not stand the check"
        ):
            writing.send_test(_desk_of(tmp_path, address, PASSWORD), "a@example.org", "office@example.org")
    assert office.taken == []


def test_starttls_is_not_gone_without(tmp_path: Path) -> None:
    with post_office() as office:
        desk = _desk_of(tmp_path, f"smtp://127.0.0.1:{office.port}?starttls", "")
        with pytest.raises(Unreachable, match="lacks what is asked of it: STARTTLS"):
            writing.send_test(desk, "a@example.org", "office@example.org")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("mail.example.org", "is not the address of a mail server; write smtp://"),
        ("smtp://", "is not the address"),
        ("smtp://h:99999", "is not the address"),
        ("smtp://h?starttsl", "is not the address"),
        ("smtp://h?timeout=never", "is not the address"),
        ("smtps://u:secret@h", "holds a password; name a file in SURVEYAPP_SMTP_PASSWORD_FILE"),
        ("smtps://u@h", "asks for a password: name its file"),
        ("smtp://mail.example.org", "access codes would travel to mail.example.org for anybody"),
    ],
)
def test_an_address_of_a_server_that_will_not_do_is_refused(address: str, words: str) -> None:
    with pytest.raises(SurveyError, match=words) as refused:
        server_at(address, "")
    assert "secret" not in str(refused.value)


def test_the_address_of_a_server_says_how_to_reach_it() -> None:
    found = server_at("smtp://u%40x.org@mail.example.org?starttls&timeout=5", "p")
    assert (found.host, found.port, found.security, found.user, found.timeout) == (
        *("mail.example.org", 587, "starttls", "u@x.org"),
        5.0,
    )
    assert server_at("smtps://h", "").port == 465
    assert server_at("smtp://h?plain", "").security == "plain"
    assert server_at("smtp://localhost", "").port == 25
    assert "secret" not in repr(server_at("smtps://u@h", "secret"))


def test_letters_that_leave_the_machine_need_an_address_and_a_sender(db: Database, tmp_path: Path) -> None:
    _opened(db)
    with post_office() as office, pytest.raises(SurveyError, match="need an address of the site and a sender"):
        writing.invite(_desk(db, tmp_path, office), "tiny-1", address="https://x.example")
    assert campaigning.status(db, "tiny-1").invited == 0


def test_without_a_server_letters_go_into_the_folder(tmp_path: Path) -> None:
    assert isinstance(transport(tmp_path, "", ""), Folder)
    assert isinstance(transport(tmp_path, "smtps://h", ""), Server)


# ── makers ───────────────────────────────────────────────────────────────────


def _opened(db: Database, n: int = 40) -> None:
    publishing.publish(db, json.dumps(make_all_types()).encode(), TODAY)
    settings: dict[str, Any] = {"carry": [], "key_place": "holder", "closes": None, "today": TODAY}
    campaigning.open_wave(db, "tiny-1", "tiny", "1", make_frame(n), **settings, keep_key=lambda _: None)


def _desk(db: Database, folder: Path, office: Office, more: str = "") -> Desk:
    out = transport(folder / "out", f"smtp://127.0.0.1:{office.port}{more}", "")
    return Desk(db, folder / "outbox-key", out, TODAY)


def _desk_of(folder: Path, address: str, password: str) -> Any:
    return Desk(None, folder / "key", transport(folder / "out", address, password), TODAY)  # type: ignore[arg-type]


def _invite(db: Database, folder: Path, office: Office, more: str = "") -> Outcome:
    desk = _desk(db, folder, office, more)
    return writing.invite(desk, "tiny-1", address="https://x.example", sender="The office <office@example.org>")


def _noted(db: Database) -> dict[str, str]:
    with db.reading() as connection:
        return {i.unit.unit: i.disposition for i in frames.listed(connection, "tiny-1") if i.disposition}


@contextmanager
def _greeting(words: bytes) -> Iterator[int]:
    """A server that says one thing to whoever calls, and hangs up."""

    def answer() -> None:
        with suppress(OSError):
            caller, _ = listening.accept()
            caller.sendall(words)
            caller.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=answer, daemon=True).start()
        yield listening.getsockname()[1]


def _for(whom: str, answer: str) -> Any:
    return lambda to: answer if to.startswith(whom) else None


def _once(whom: str, answer: str, told: list[str]) -> Any:
    def reply(to: str) -> str | None:
        if not to.startswith(whom) or told:
            return None
        told.append(to)
        return answer

    return reply


@contextmanager
def _guarded(folder: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> Iterator[tuple[Office, str]]:
    """A server that wants TLS and a password, and its address; the client trusts its certificate."""
    certificate, trusted = make_certificate(folder)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with post_office(certificate, at_once=way == "smtps", login=True) as office:
        scheme, more = ("smtps", "") if way == "smtps" else ("smtp", "?starttls")
        yield office, f"{scheme}://{USER}@127.0.0.1:{office.port}{more}"
