"""Colours by the formula of WCAG 2: figures written out, what is refused, and shades that can always be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveyapp.colours import INK, LEAST, WHITE, Shades, colour_problems, contrast, darkened, shades

ANY = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def refusal(colour: str) -> tuple[str, str]:
    (problem,) = colour_problems(colour)
    assert problem.at == "colour"
    return problem.what, problem.do


@pytest.mark.parametrize(
    ("colour", "on_white"),
    [
        ("#000000", 21.0),
        ("#ffffff", 1.0),
        ("#0b5563", 8.4),
        ("#063540", 13.2),
        ("#1d70b8", 5.2),
        ("#ff0000", 4.0),
        ("#00ff00", 1.4),
        ("#0000ff", 8.6),
        ("#808080", 3.9),
    ],
)
def test_contrast_with_white(colour, on_white):
    assert round(contrast(colour, WHITE), 1) == on_white


def test_contrast_is_the_same_both_ways():
    assert contrast("#0b5563", "#ffdd00") == contrast("#ffdd00", "#0b5563")


@pytest.mark.parametrize("colour", ["#0b5563", "#000000", "#767676", "#d4351c"])
def test_a_colour_that_white_words_can_be_read_on_is_taken(colour):
    assert list(colour_problems(colour)) == []


@pytest.mark.parametrize(
    ("colour", "printed", "darker"),
    [
        ("#ffffff", "1.0", "#767676"),
        ("#ffdd00", "1.3", "#887600"),
        ("#ff0000", "3.9", "#ee0000"),
        ("#777777", "4.4", "#767676"),
    ],
)
def test_a_pale_colour_is_refused_with_its_contrast_and_the_nearest_darker_shade(colour, printed, darker):
    what, do = refusal(colour)
    assert what == f"{colour} has a contrast of {printed} to 1 with white, and 4.5 is needed"
    assert do == f"take {darker}, the nearest darker shade that has it"
    assert list(colour_problems(darker)) == []


@pytest.mark.parametrize(
    "colour",
    [
        "0b5563",
        "#0b556",
        "#0b55633",
        "#0B5563",
        "#0b5563\n",
        "#0b556g",
        "teal",
        "#٠٠٠٠٠٠",
        "rgb(0,0,0)",
        "#000;}body{display:none",
        "\x1b[31m",
    ],
)
def test_what_is_no_colour_is_refused_with_an_example(colour):
    what, do = refusal(colour)
    assert what.endswith(" is not a colour")
    assert what.isprintable()
    assert do == "write # and six of 0 to f: #0b5563"


def test_the_shades_of_our_own_colour():
    assert shades("#0b5563") == Shades("#0b5563", dark="#07353d", tint="#f0f5f6")


def test_a_colour_that_only_just_passes_has_a_tint_that_is_all_but_white():
    assert shades("#767676") == Shades("#767676", dark="#494949", tint="#fefefe")


@given(ANY)
def test_words_can_be_read_on_every_shade_of_every_colour_that_passes(colour):
    found = shades(darkened(colour))
    assert contrast(WHITE, found.brand) >= LEAST
    assert contrast(WHITE, found.dark) >= LEAST
    assert contrast(INK, found.tint) >= 7
    assert contrast(found.brand, found.tint) >= LEAST
    assert contrast(found.dark, found.tint) >= LEAST


@given(ANY)
def test_a_colour_that_passes_is_its_own_nearest_shade(colour):
    assert (darkened(colour) == colour) == (contrast(colour, WHITE) >= LEAST)
