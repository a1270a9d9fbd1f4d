"""Keys that are changed: which one seals, which open, and when one is over. Sums, without a file or a clock."""

import pytest

from surveyapp.privacy import (
    CannotOpen,
    Key,
    in_turn,
    keys_file,
    open_cookie,
    read_keys,
    seal_cookie,
    still_good,
    with_any,
)

OLD, MIDDLE, NEW = (Key(made, bytes([made % 256]) * 32) for made in (1_000, 2_000, 3_000))
HOUR = 3_600


def test_a_file_of_32_bytes_is_one_key_of_the_day_of_the_file():
    assert read_keys(b"k" * 32, 77) == (Key(77, b"k" * 32),)


def test_a_file_of_several_is_read_as_it_was_written():
    assert read_keys(keys_file([NEW, OLD]), 77) == (NEW, OLD)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        b"k" * 33,
        b"surveyapp keys 1\n",
        keys_file([NEW, OLD])[: -1 - 10],
        keys_file([NEW, OLD])[:60],
        keys_file([NEW]) + b"\n",
        keys_file([NEW]).replace(b" 1\n", b" 2\n", 1),
        keys_file([Key(1, b"k" * 16)]),
        b"\xff" * 80,
    ],
)
def test_a_file_that_was_cut_short_or_altered_is_refused(content):
    with pytest.raises(CannotOpen, match="no file of keys; put it back"):
        read_keys(content, 0)


@pytest.mark.parametrize(
    ("now", "turn"),
    [
        (3_059, [MIDDLE, NEW, OLD]),
        (3_060, [NEW, MIDDLE, OLD]),
        (2_000, [OLD, NEW, MIDDLE]),
        (0, [OLD, NEW, MIDDLE]),
    ],
)
def test_the_newest_key_seals_from_a_minute_after_it_was_made(now, turn):
    assert in_turn([NEW, MIDDLE, OLD], now) == tuple(key.secret for key in turn)


def test_a_key_alone_seals_whatever_the_clock_says():
    assert in_turn([NEW], 0) == (NEW.secret,)


@pytest.mark.parametrize(
    ("now", "good"),
    [
        (3_000, [NEW, MIDDLE, OLD]),
        (2_060 + HOUR - 1, [NEW, MIDDLE, OLD]),
        (2_060 + HOUR, [NEW, MIDDLE]),
        (3_060 + HOUR, [NEW]),
        (9_999_999, [NEW]),
    ],
)
def test_a_key_is_over_when_what_it_sealed_last_is(now, good):
    assert still_good([NEW, MIDDLE, OLD], now, HOUR) == tuple(good)


def test_any_of_several_opens_and_none_is_told_as_one():
    sealed = seal_cookie(OLD.secret, b"words")
    assert with_any([NEW.secret, OLD.secret], lambda key: open_cookie(key, sealed)) == b"words"
    with pytest.raises(CannotOpen, match="the cookie is not ours"):
        with_any([NEW.secret, MIDDLE.secret], lambda key: open_cookie(key, sealed))


def test_a_key_is_not_printed():
    assert "secret" not in repr(NEW)
