"""The secrets: what opens, what does not, and what lengths and counts give away."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveyapp import privacy
from surveyapp.privacy import ALPHABET, CannotOpen, normal_code

CODE = "7K4QX9M2PB0WDTEHR63Y"
KEY, PEPPER, SALT, LABEL = b"k" * 32, b"p" * 32, b"s" * 16, b"label"
PRIVATE, PUBLIC = privacy.new_key_pair()
INFO = b"surveyapp box 1 tiny-1 tiny@1"

# ── access codes ─────────────────────────────────────────────────────────────


def test_a_code_has_a_hundred_bits_in_letters_that_can_be_read_aloud():
    codes = {privacy.new_code() for _ in range(500)}
    assert len(codes) == 500
    assert {len(code) for code in codes} == {23}
    assert set("".join(codes)) == set(ALPHABET) | {"-"}
    assert not set("ILOU") & set(ALPHABET)
    assert len(ALPHABET) ** privacy.CODE_LENGTH == 2**100


def test_a_new_code_is_normal_when_its_dashes_are_gone():
    code = privacy.new_code()
    assert normal_code(code) == code.replace("-", "")
    assert privacy.printed_code(CODE) == "7K4QX-9M2PB-0WDTE-HR63Y"


@pytest.mark.parametrize(
    "typed",
    [
        "7K4QX-9M2PB-0WDTE-HR63Y",
        "7k4qx-9m2pb-0wdte-hr63y",
        "7K4QX 9M2PB 0WDTE HR63Y",
        "  7K4QX9M2PB0WDTEHR63Y\r\n",
        "7K4QX–9M2PB‐0WDTE‑HR63Y",
        "7K4QX\u00a09M2PB\t0WDTE HR63Y",
        "7 K 4 Q X - 9 M 2 P B - o W D T E - H R 6 3 Y",
    ],
)
def test_a_code_is_understood_however_it_is_typed(typed):
    assert normal_code(typed) == CODE


def test_look_alikes_are_read_as_what_was_printed():
    assert normal_code("OoIiLl" + "A" * 14) == "001111" + "A" * 14


@pytest.mark.parametrize(
    "typed",
    [
        "", " ", "-", CODE[:-1], CODE + "A", CODE[:-1] + "U", CODE[:-1] + "!", CODE[:-1] + "\0", CODE[:-1] + "é",
        CODE[:-1] + "１", CODE[:-1] + "\ud800", "'; DROP TABLE invitation; --", CODE + " " * 61, "A" * 10_000,
    ],
)  # fmt: skip
def test_what_cannot_be_a_code_is_none(typed):
    assert normal_code(typed) is None


@given(st.text(max_size=90))
def test_whatever_is_typed_gives_a_normal_code_or_none(typed):
    code = normal_code(typed)
    assert code is None or (len(code) == 20 and set(code) <= set(ALPHABET) and normal_code(code) == code)


def test_ids_and_secrets_are_new_each_time():
    assert len({privacy.new_id() for _ in range(1000)}) == 1000
    assert (len(privacy.new_id()), len(privacy.new_secret())) == (16, 32)
    assert privacy.new_secret() != privacy.new_secret()


def test_only_the_hash_of_a_code_need_be_kept():
    assert privacy.code_hash("").hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert privacy.code_hash(CODE) != privacy.code_hash(CODE[::-1])


# ── padding ──────────────────────────────────────────────────────────────────


@given(st.binary(max_size=50), st.integers(0, 20))
def test_padding_is_undone_and_hides_the_length(content, room):
    padded = privacy.pad(content, len(content) + room)
    assert privacy.unpad(padded) == content
    assert len(padded) == len(content) + room + 4


def test_what_does_not_fit_is_not_cut():
    with pytest.raises(ValueError, match="6 bytes do not fit into 5"):
        privacy.pad(b"123456", 5)


# ── drafts ───────────────────────────────────────────────────────────────────


def draft(answers: bytes = b'{"q1":"yes"}') -> bytes:
    return privacy.seal_draft(privacy.draft_key(CODE, SALT, PEPPER), answers, 200, LABEL)


def test_a_draft_opens_with_the_same_code_salt_pepper_and_label():
    assert privacy.open_draft(privacy.draft_key(CODE, SALT, PEPPER), draft(), LABEL) == b'{"q1":"yes"}'


@pytest.mark.parametrize(
    ("code", "salt", "pepper", "label"),
    [
        (CODE[:-1] + "X", SALT, PEPPER, LABEL),
        (CODE, b"t" * 16, PEPPER, LABEL),
        (CODE, SALT, b"q" * 32, LABEL),
        (CODE, SALT, PEPPER, b"another"),
        ("", SALT, PEPPER, LABEL),
        (CODE, SALT, b"", LABEL),
    ],
)
def test_a_draft_opens_with_nothing_else(code, salt, pepper, label):
    with pytest.raises(CannotOpen, match="does not open with this access code"):
        privacy.open_draft(privacy.draft_key(code, salt, pepper), draft(), label)


def test_drafts_are_equally_long_and_never_equal():
    drafts = [draft(content) for content in (b"", b"{}", b"{}", b"x" * 200)]
    assert {len(box) for box in drafts} == {12 + 4 + 200 + 16}
    assert len(set(drafts)) == 4


# ── boxes ────────────────────────────────────────────────────────────────────


def sealed(content: bytes = b'{"q1":"yes"}') -> bytes:
    return privacy.seal(PUBLIC, content, 200, INFO)


def test_a_box_opens_with_the_private_key():
    assert privacy.open_box(PRIVATE, sealed(), INFO) == b'{"q1":"yes"}'


def test_boxes_are_equally_long_and_never_equal():
    boxes = [sealed(content) for content in (b"", b"{}", b"{}", b"x" * 200)]
    assert {len(box) for box in boxes} == {32 + 4 + 200 + 16}
    assert len(set(boxes)) == 4


def test_a_box_does_not_open_with_another_key_or_in_another_wave():
    for key, info in [(privacy.new_key_pair()[0], INFO), (PUBLIC, INFO), (b"", INFO), (PRIVATE, INFO + b"1")]:
        with pytest.raises(CannotOpen, match="the box does not open with this key"):
            privacy.open_box(key, sealed(), info)


OPENERS = {
    "draft": (draft(), lambda box: privacy.open_draft(privacy.draft_key(CODE, SALT, PEPPER), box, LABEL)),
    "box": (sealed(), lambda box: privacy.open_box(PRIVATE, box, INFO)),
    "cookie": (privacy.seal_cookie(KEY, b"{}"), lambda box: privacy.open_cookie(KEY, box)),
}


@pytest.mark.parametrize("kind", OPENERS)
def test_any_flipped_byte_is_refused(kind):
    box, opened = OPENERS[kind]
    for place in range(len(box)):
        with pytest.raises(CannotOpen):
            opened(box[:place] + bytes([box[place] ^ 1]) + box[place + 1 :])


@pytest.mark.parametrize("kind", OPENERS)
def test_anything_shorter_or_longer_is_refused(kind):
    box, opened = OPENERS[kind]
    for other in [box[:length] for length in range(0, len(box), 7)] + [box[:-1], box + b"\0", bytes(len(box))]:
        with pytest.raises(CannotOpen):
            opened(other)


def test_a_rehearsal_tells_a_pair_from_two_halves():
    privacy.rehearse(PRIVATE, PUBLIC)
    with pytest.raises(CannotOpen):
        privacy.rehearse(PRIVATE, privacy.new_key_pair()[1])


def test_key_pairs_are_new_each_time():
    pairs = {privacy.new_key_pair() for _ in range(20)}
    assert len(pairs) == 20
    assert {len(half) for pair in pairs for half in pair} == {32}


# ── the key holder's file ────────────────────────────────────────────────────


def test_a_key_file_gives_back_its_wave_and_key():
    assert privacy.read_key_file(privacy.key_file("dat-2012", PRIVATE)) == ("dat-2012", PRIVATE)


def test_a_key_file_may_come_back_with_the_line_ends_of_windows():
    text = privacy.key_file("dat-2012", PRIVATE).replace("\n", "\r\n") + "\r\n"
    assert privacy.read_key_file(text) == ("dat-2012", PRIVATE)


GOOD = f"surveyapp private key 1\nwave dat-2012\n{'ab' * 32}\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n\n",
        "surveyapp private key 1",
        "surveyapp private key 1\nwave dat-2012",
        "surveyapp private key 1\nwave dat-2012\n",
        GOOD.replace("key 1", "key 2"),
        GOOD.replace("wave ", ""),
        GOOD.replace("ab" * 32, "ab" * 31),
        GOOD.replace("ab" * 32, "ab" * 33),
        GOOD.replace("ab" * 32, "ab" * 31 + "a"),
        GOOD.replace("ab" * 32, "zz" * 32),
        GOOD.replace("ab" * 32, "１２" * 32),
        GOOD.replace("\n", " "),
        "\ufeff" + GOOD,
        "\n" + GOOD,
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIA==\n-----END PRIVATE KEY-----\n",
        "\0" * 100,
    ],
)
def test_what_is_no_key_file_is_refused(text):
    with pytest.raises(CannotOpen, match="this is not a key file"):
        privacy.read_key_file(text)


# ── the cookie ───────────────────────────────────────────────────────────────


def test_cookies_are_equally_long_and_open_with_their_key_alone():
    cookies = [privacy.seal_cookie(KEY, content) for content in (b"", b"{}", b"x" * 600)]
    assert {len(cookie) for cookie in cookies} == {12 + 4 + 600 + 16}
    assert privacy.open_cookie(KEY, cookies[1]) == b"{}"
    with pytest.raises(CannotOpen, match="not ours or has been altered"):
        privacy.open_cookie(b"l" * 32, cookies[1])


def test_a_draft_is_not_a_cookie():
    with pytest.raises(CannotOpen):
        privacy.open_cookie(KEY, privacy.seal_draft(KEY, b"{}", 600, LABEL))


# ── who may leave the tray ───────────────────────────────────────────────────

CELLS = st.lists(st.sampled_from(["North", "South", "East", ""]), max_size=60)


@given(CELLS, st.integers(0, 12))
@settings(max_examples=150)
def test_before_the_close_a_cell_sends_enough_together_and_keeps_enough(cells, at_least):
    leaving = privacy.leavers(cells, at_least, closed=False)
    assert len(set(leaving)) == len(leaving)
    gone = Counter(cells[place] for place in leaving)
    for name, size in Counter(cells).items():
        least = max(at_least, 5)
        assert gone[name] == (size - least if size >= 2 * least else 0)


@given(CELLS, st.integers(0, 12))
def test_after_the_close_all_may_leave(cells, at_least):
    assert sorted(privacy.leavers(cells, at_least, closed=True)) == list(range(len(cells)))


def test_by_hand_nineteen_stay_together_and_of_twenty_ten_leave():
    assert privacy.leavers(["North"] * 19, 10, closed=False) == []
    assert len(privacy.leavers(["North"] * 20, 10, closed=False)) == 10
    assert len(privacy.leavers(["North"] * 27, 10, closed=False)) == 17


def test_no_setting_lets_fewer_than_five_leave_or_stay():
    assert privacy.leavers(["North"] * 9, 1, closed=False) == []
    assert len(privacy.leavers(["North"] * 10, 0, closed=False)) == 5


def test_a_cell_that_is_full_does_not_take_a_small_one_along():
    leaving = privacy.leavers(["North"] * 20 + ["South"] * 19, 10, closed=False)
    assert len(leaving) == 10
    assert max(leaving) < 20


def test_the_order_of_arrival_is_lost():
    assert privacy.leavers(["North"] * 100, 5, closed=True) != list(range(100))
    assert privacy.shuffled(range(100)) != privacy.shuffled(range(100))
    assert sorted(privacy.leavers(["North"] * 60, 5, closed=False)) != list(range(55))


@given(CELLS, st.integers(1, 12))
@settings(max_examples=150)
def test_no_cell_is_released_that_too_few_share(cells, at_least):
    released = privacy.blanked(cells, at_least)
    sizes = Counter(released)
    assert all(after in (before, "") for before, after in zip(cells, released, strict=True))
    assert all(size >= at_least for name, size in sizes.items() if name)
    if set(sizes) - {""}:
        assert sizes[""] == 0 or sizes[""] >= at_least


@given(st.dictionaries(st.sampled_from("ABCDEF"), st.integers(1, 20)), st.integers(1, 12))
def test_a_cell_is_blank_as_a_whole_or_not_at_all(sizes, at_least):
    cells = [name for name, size in sizes.items() for _ in range(size)]
    released = privacy.blanked(cells, at_least)
    assert all(len({r for c, r in zip(cells, released, strict=True) if c == name}) == 1 for name in sizes)


def test_by_hand_a_small_cell_takes_the_smallest_other_with_it():
    assert Counter(privacy.blanked(["N"] * 9 + ["S"] * 7 + ["E"] * 2, 5)) == {"N": 9, "": 9}
    assert Counter(privacy.blanked(["N"] * 9 + ["S"] * 3 + ["E"] * 2, 5)) == {"N": 9, "": 5}
    assert Counter(privacy.blanked(["N"] * 9 + ["E"] * 2, 5)) == {"": 11}
    assert Counter(privacy.blanked(["N"] * 9 + ["S"] * 5, 5)) == {"N": 9, "S": 5}
    assert privacy.blanked([], 5) == []


def test_what_was_released_before_counts_and_stays():
    assert privacy.blanked(["N"] * 3 + ["S"] * 7, 5, before=["N"] * 6) == ["N"] * 3 + ["S"] * 7
    assert Counter(privacy.blanked(["E"] * 2 + ["S"] * 7, 5, before=["N"] * 6 + ["S"] * 9)) == {"": 9}
    assert Counter(privacy.blanked(["E"] * 2 + ["S"] * 7, 5, before=["N"] * 6 + [""] * 5)) == {"": 2, "S": 7}


@given(CELLS, CELLS, st.integers(1, 12))
def test_the_blank_ones_of_two_releases_are_enough_or_all_that_leave_now(before, now, at_least):
    earlier = privacy.blanked(before, at_least)
    released = privacy.blanked(now, at_least, earlier)
    blank = Counter([*earlier, *released])[""]
    assert not Counter(released)[""] or blank >= at_least or set(released) == {""}


# ── staff ────────────────────────────────────────────────────────────────────


def test_a_password_is_kept_by_argon2id_as_owasp_advises():
    kept = privacy.password_hash("three unlikely words")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert privacy.password_hash("three unlikely words") != kept
    assert privacy.password_fits(kept, "three unlikely words")
    assert not privacy.password_fits(kept, "three unlikely word")
    assert not privacy.password_is_dated(kept)


@pytest.mark.parametrize("kept", ["", "nonsense", "$argon2id$x"])
def test_what_is_no_hash_fits_no_password(kept: str):
    assert not privacy.password_fits(kept, "")
    assert not privacy.password_fits(kept, "three unlikely words")


def test_a_code_of_the_second_factor_is_that_of_rfc_6238():
    """The first vectors of its appendix B, of which apps show the last six digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert [privacy.second_code(secret, at) for at in (59, 1111111109, 20000000000)] == [
        "287082",
        "081804",
        "353130",
    ]
    assert privacy.second_step(secret, " 287 082 ", 59) == 1
    assert privacy.second_step(secret, "287082", 59 + 60) is None


@pytest.mark.parametrize(("step", "taken"), [(998, None), (999, 1000), (1000, 1000), (1001, 1000), (1002, None)])
def test_a_code_is_good_in_its_own_half_minute_and_those_beside_it(step: int, taken: int | None):
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    code = privacy.second_code(secret, 1000 * 30)
    assert privacy.second_step(secret, code, step * 30) == taken
    assert privacy.second_step(secret, code, step * 30 + 29) == taken


def test_apps_read_whose_secret_it_is():
    found = privacy.second_address("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "a@example.org", "x.example surveys")
    assert found.startswith(
        "otpauth://totp/x.example%20surveys:a%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    )


def test_recovery_codes_are_eight_of_fifty_bits_and_read_like_access_codes():
    spares = privacy.new_spares()
    assert len(set(spares)) == 8
    assert {len(spare) for spare in spares} == {11}
    kept = privacy.spare_hash(KEY, b"account", "7K4QX-9M2P0")
    assert privacy.spare_hash(KEY, b"account", " 7k4qx 9m2po") == kept
    assert privacy.spare_hash(KEY, b"another", "7K4QX-9M2P0") != kept
    assert privacy.spare_hash(PEPPER, b"account", "7K4QX-9M2P0") != kept
    assert privacy.spare_hash(KEY, b"account", "7K4QX") == ""


def test_a_kept_secret_opens_for_its_account_and_key_alone():
    sealed = privacy.seal_text(KEY, "SECRET", LABEL)
    assert privacy.open_text(KEY, sealed, LABEL) == "SECRET"
    for key, label in ((PEPPER, LABEL), (KEY, b"other")):
        with pytest.raises(CannotOpen, match="restore that file"):
            privacy.open_text(key, sealed, label)


def test_a_keyed_hash_keeps_its_parts_apart():
    assert privacy.keyed_hash(KEY, "a", "bc") != privacy.keyed_hash(KEY, "ab", "c")
    assert privacy.keyed_hash(KEY, "a") != privacy.keyed_hash(PEPPER, "a")
