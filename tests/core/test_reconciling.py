"""Two people at one page: nothing is overwritten in silence, and nobody is asked without need."""

import hypothesis.strategies as st
from hypothesis import given

from surveyapp.instrument import as_typed, brought_back, chosen, clashes, mark, marks, read_answers
from surveyapp.instrument.reconciling import FOUND, SEEN, TAKE
from tests.makers import make_instrument, make_question

NUMBER = make_question("number", "n")
PAGE = make_instrument([make_question(), make_question("multiple", "m"), NUMBER, make_question("text", "t")])
QUESTIONS = list(PAGE.questions.values())


def opened(saved, **posted):
    """What is posted by somebody who opened the page while `saved` stood there."""
    return {SEEN: [mark(QUESTIONS, saved)], **posted}


def found(posted, saved):
    return {clash.question.id: clash.likely for clash in clashes(QUESTIONS, posted, saved)}


def test_who_alone_has_the_page_open_is_never_asked():
    before = {"q1": ["yes"]}
    assert found(opened(before, q1=["no"], t=["New"]), before) == {}


def test_a_colleague_s_answer_is_not_overwritten():
    assert found(opened({}, q1=["yes"]), {"q1": ["no"]}) == {"q1": None}


def test_with_the_same_answer_there_is_nothing_to_choose():
    assert found(opened({}, q1=["yes"]), {"q1": ["yes"]}) == {}


def test_the_order_of_ticks_and_the_writing_of_a_number_make_no_difference():
    posted = opened({}, m=["b", "a"], n=["1,200"], t=["  Words  "])
    assert found(posted, {"m": ["a", "b"], "n": ["1200"], "t": ["Words"]}) == {}


def test_what_only_the_colleague_changed_is_likely_to_stay():
    before = {"q1": ["yes"], "t": ["Old"]}
    assert found(opened(before, q1=["yes"], t=["Mine"]), {"q1": ["no"], "t": ["Old"]}) == {
        "q1": "saved",
        "t": "mine",
    }


def test_a_page_without_a_mark_counts_as_opened_when_it_was_blank():
    assert found({"q1": ["yes"]}, {}) == {}
    assert found({"q1": ["yes"]}, {"q1": ["no"]}) == {"q1": None}


def test_a_mark_that_somebody_made_up_is_a_state_that_never_was():
    for made_up in ("", "=", "q1", "q1=", "q1=x.q1=y", "…" * 500):
        assert "q1" in found({SEEN: [made_up], "q1": ["yes"]}, {"q1": ["no"]})


def choice(saved, posted, **sides):
    """The page with choices made on the state `saved`."""
    takes = {TAKE + name: [side] for name, side in sides.items()}
    return {**posted, FOUND: [mark(QUESTIONS, saved)], **takes}


def settled(saved, posted):
    return chosen(clashes(QUESTIONS, posted, saved), QUESTIONS, posted, saved)


def test_each_question_takes_the_answer_that_was_chosen():
    saved = {"q1": ["no"], "m": ["c"], "t": ["Theirs"]}
    posted = opened({}, q1=["yes"], m=["a"], t=["Mine"])
    page = settled(saved, choice(saved, posted, q1="mine", m="saved", t="mine"))
    assert page is not None
    assert {name: page[name] for name in ("q1", "m", "t")} == {"q1": ["yes"], "m": ["c"], "t": ["Mine"]}


def test_a_saved_blank_can_be_chosen_too():
    before, saved = {"t": ["Old"]}, {}
    page = settled(saved, choice(saved, opened(before, t=["Mine"]), t="saved"))
    assert page is not None
    assert "t" not in page


def test_as_long_as_one_choice_is_open_nothing_is_settled():
    saved = {"q1": ["no"], "t": ["Theirs"]}
    assert settled(saved, choice(saved, opened({}, q1=["yes"], t=["Mine"]), q1="mine")) is None
    assert settled(saved, choice(saved, opened({}, q1=["yes"], t=["Mine"]), q1="mine", t="both")) is None


def test_a_choice_made_on_an_older_state_does_not_count():
    older, saved = {"q1": ["no"]}, {"q1": ["no"], "t": ["Newer"]}
    posted = choice(older, opened({}, q1=["yes"], t=["Mine"]), q1="mine", t="mine")
    assert settled(saved, posted) is None


def test_of_a_page_with_faults_words_are_kept_as_typed_and_choices_only_if_they_exist():
    form = {"q1": ["perhaps"], "m": ["a", "zzz"], "n": ["12 or so"], "t": ["A\x00B"], "admin": ["1"]}
    assert as_typed(QUESTIONS, form) == {"m": ["a"], "n": ["12 or so"], "t": ["AB"]}


def test_a_form_filled_in_elsewhere_adds_and_takes_nothing_away():
    saved = {"q1": ["no"], "t": ["Kept"]}
    page, clashing = brought_back(QUESTIONS, {"n": ["5"], "q1": ["yes"]}, marks(QUESTIONS, saved), saved)
    assert (page, clashing) == ({"q1": ["yes"], "n": ["5"], "t": ["Kept"]}, [])


def test_what_changed_online_since_a_form_was_handed_out_stays_and_is_told():
    handed_out, saved = marks(QUESTIONS, {"q1": ["no"]}), {"q1": ["yes"]}
    page, clashing = brought_back(QUESTIONS, {"q1": ["no"]}, handed_out, saved)
    assert page == {"q1": ["yes"]}
    assert [(clash.mine, clash.saved) for clash in clashing] == [({"q1": ["no"]}, {"q1": ["yes"]})]


FORMS = st.fixed_dictionaries(
    {},
    optional={
        "q1": st.lists(st.sampled_from(["yes", "no", "x", ""]), max_size=1),
        "m": st.lists(st.sampled_from("abcx"), max_size=3, unique=True),
        "n": st.lists(st.sampled_from(["1", "1.0", "1,0", "x", " "]), max_size=1),
        "t": st.lists(st.text(max_size=5), max_size=1),
    },
)


@given(FORMS, FORMS, FORMS)
def test_either_nothing_saved_is_lost_or_the_respondent_is_asked(before, saved, mine):
    posted = opened(before, **mine)
    asked = {clash.question.id for clash in clashes(QUESTIONS, posted, saved)}
    if marks(QUESTIONS, before) == marks(QUESTIONS, saved):
        assert asked == set()
    else:
        same = {name for name, digest in marks(QUESTIONS, mine).items() if digest == marks(QUESTIONS, saved)[name]}
        same |= {name for name, q in PAGE.questions.items() if read_answers([q], mine) == read_answers([q], saved)}
        assert asked | same == {"q1", "m", "n", "t"}, "a question that differs was not asked"


@given(FORMS, FORMS, FORMS, st.sampled_from(["mine", "saved"]))
def test_a_choice_of_all_settles_everything(before, saved, mine, side):
    posted = choice(saved, opened(before, **mine), q1=side, m=side, n=side, t=side)
    asked = clashes(QUESTIONS, posted, saved)
    page = chosen(asked, QUESTIONS, posted, saved)
    assert page is not None
    after = {clash.question.id for clash in asked}
    expected = marks(QUESTIONS, mine if side == "mine" else saved)
    assert all(marks(QUESTIONS, page)[name] == expected[name] for name in after)
