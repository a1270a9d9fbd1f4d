"""Templates of letters: unknown places and lost codes are refused, values are never headers, lines or markup."""

import pytest

from surveyapp.problems import Refused
from surveyapp.templates import (
    DEFAULTS,
    KINDS,
    LANGUAGES,
    Template,
    as_text,
    filled,
    read_template,
    said_day,
    said_days,
)

GOOD = "Subject: {title}\n\nDear {contact}\nYour code: {code}\nBy {closes}\n"


def problems(text: str, kind: str = "invitation", html: str = "") -> list[str]:
    with pytest.raises(Refused) as refused:
        read_template(text.encode(), kind, html.encode())
    return [str(problem) for problem in refused.value.problems]


def test_a_template_is_a_subject_and_a_text():
    assert read_template(GOOD.encode(), "invitation") == Template(
        "{title}", "Dear {contact}\nYour code: {code}\nBy {closes}\n"
    )


@pytest.mark.parametrize("kind", ["invitation", "reminder", "final", "code"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_shipped_letters_would_be_accepted(kind: str, language: str):
    assert kind in KINDS
    shipped = DEFAULTS[kind, language]
    assert read_template(as_text(shipped).encode(), kind) == shipped


def test_a_place_that_is_not_known_is_refused_with_the_nearest_and_its_line():
    assert problems("Subject: {titel}\n\n{code}\n{unit.nam}\n") == [
        'line 1, text: {titel} is not known; did you mean "title"?',
        'line 4, text: {unit.nam} is not known; did you mean "unit.name"?',
    ]


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("Dear\n", "invitation", "the first line does not begin with Subject:"),
        ("", "invitation", "the first line does not begin with Subject:"),
        ("Subject:\n\n{code}", "invitation", "subject: it is empty"),
        ("Subject: x\n\n", "reminder", "text: it is empty"),
        ("Subject: x\n\nDear", "invitation", "text: it holds no access code"),
        ("Subject: x\n\nDear", "code", "text: it holds no access code"),
        ("Subject: x\n\n{code}", "reminder", "a reminder holds no code"),
        ("Subject: x\n\n{code}", "final", "a reminder holds no code"),
        ("Subject: {code}\n\n{code}", "code", "an access code must not stand in a subject"),
        ("Subject: x\n\n{code} by {closes}", "code", "the line with {code} would be left out where {closes}"),
        (f"Subject: {'x' * 201}\n\n{{code}}", "code", "subject: it has 201 characters; shorten it to 200"),
        ("Subject: x\n\n{code}\x1b[31m", "code", "it holds the control character U+001B"),
    ],
)
def test_a_template_that_will_not_do_is_refused(text: str, kind: str, words: str):
    assert words in "\n".join(problems(text, kind))


def test_an_html_part_needs_the_code_too_and_its_styles_are_no_places():
    assert problems(GOOD, html="<style>p {color: red}</style><p>{titel}</p>") == [
        'line 1, html: {titel} is not known; did you mean "title"?',
        "html: it holds no access code; write {code}, or {address}/#{code} as the link",
    ]


def test_what_is_filled_in_is_not_read_again():
    made = filled(
        Template("{title}", "{contact}\n"), {"title": "{contact}", "contact": "{code}", "code": "SECRET"}
    )
    assert made == Template("{contact}", "{code}\n")


def test_values_are_text_in_the_html_and_one_line_in_the_subject():
    values = {"title": "a\r\nBcc: x@y.org", "contact": "<b>&'\""}
    made = filled(Template("{title}", "{contact}", '<p title="{contact}">'), values)
    assert made == Template("a Bcc: x@y.org", "<b>&'\"", '<p title="&lt;b&gt;&amp;&#x27;&quot;">')


def test_a_line_whose_place_is_empty_goes_and_leaves_no_gap():
    assert filled(Template("x", "a\n\nBy {closes}.\n\nb\n"), {"closes": ""}).text == "a\n\nb\n"


def test_days_are_said_in_both_languages():
    assert (said_day("2012-02-01", "en"), said_day("2012-02-01", "cy")) == ("1 February 2012", "1 Chwefror 2012")
    assert [said_days(days, "en") for days in (None, -1, 0, 1, 2)] == [
        "",
        "",
        "less than a day",
        "1 day",
        "2 days",
    ]
    assert said_days(2, "cy") == "2 diwrnod"
