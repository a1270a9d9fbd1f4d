"""Plans: where they come from, how they are saved and changed, and what is refused."""

import json
from typing import Any

import pytest

from surveyapp import planning
from surveyapp.planning import GENERATED, SAVED, SUPPLIED
from surveyapp.problems import NotFound, Refused, SurveyError
from surveyapp.storage.database import Database
from surveyapp.storage.papers import Overtaken
from tests.makers import TODAY, make_document, make_question, make_wave

ONE = {"id": "1", "question": "kind"}
TWO = {"id": "2", "question": "sources"}


def document(*tables: dict[str, Any], **more: Any) -> str:
    return json.dumps({"survey": "tiny", "title": "Mine", "tables": list(tables or (ONE,))} | more)


def save(db: Database, *tables: dict[str, Any], revision: int = 0, **more: Any) -> planning.TablePlan:
    return planning.save(db, "tiny", "mine", document(*tables, **more), "ann@example.org", TODAY, revision)


@pytest.fixture
def fielded(db: Database) -> Database:
    """The survey "tiny" with a wave whose answers carry the region."""
    make_wave(db)
    return db


def test_a_survey_has_its_saved_plans_those_of_the_product_and_one_of_every_question(fielded: Database) -> None:
    save(fielded)
    assert [(p.name, p.origin) for p in planning.plans(fielded, "tiny")] == [
        ("mine", SAVED),
        ("every-question", GENERATED),
    ]
    supplied = {p.name for p in planning.plans(fielded, "dat") if p.origin == SUPPLIED}
    assert {"dat-2012-appendix", "dat-2013-appendix"} <= supplied


def test_plans_of_another_survey_are_not_there(fielded: Database) -> None:
    save(fielded)
    with pytest.raises(NotFound):
        planning.plan(fielded, "other", "mine")


def test_a_saved_plan_says_who_changed_it_and_counts_its_changes(fielded: Database) -> None:
    assert save(fielded).revision == 1
    again = save(fielded, ONE, TWO, revision=1)
    assert (again.revision, again.who, again.on) == (2, "ann@example.org", "2012-01-16")
    assert planning.plan(fielded, "tiny", "mine") == again


def test_whoever_comes_second_overwrites_nothing(fielded: Database) -> None:
    save(fielded)
    save(fielded, TWO, revision=1)
    with pytest.raises(Overtaken, match="changed by ann"):
        save(fielded, ONE, TWO, revision=1)
    with pytest.raises(Overtaken):
        planning.throw_away(fielded, "tiny", "mine", 1)
    assert planning.plan(fielded, "tiny", "mine").tables == [TWO]


@pytest.mark.parametrize("name", ["", "By region", "every-question", "new", "a" * 41])
def test_names_that_will_not_do(fielded: Database, name: str) -> None:
    with pytest.raises(Refused) as refused:
        planning.save(fielded, "tiny", name, document(), "ann@example.org", TODAY)
    assert [problem.at for problem in refused.value.problems] == ["name"]


def test_a_plan_must_fit_a_wave_or_a_version(fielded: Database) -> None:
    with pytest.raises(Refused, match='there is no question "knd"'):
        save(fielded, {"id": "1", "question": "knd"})
    assert save(fielded, {"id": "1", "question": "kind", "by": ["region"]}).revision == 1


def test_a_plan_of_an_older_version_can_be_saved(fielded: Database) -> None:
    newer = make_document([make_question("single", "new_kind")], version="2")
    make_wave(fielded, "tiny-2", newer)
    assert save(fielded, ONE).revision == 1


def test_a_survey_without_a_questionnaire_has_no_plans_to_save(db: Database) -> None:
    with pytest.raises(SurveyError, match="no questionnaire of tiny is published yet"):
        save(db)


def test_a_plan_is_changed_renamed_and_thrown_away(fielded: Database) -> None:
    save(fielded, ONE, TWO)
    changed = planning.change(
        fielded, "tiny", "mine", lambda plan: planning.moved(plan, "2", -1), "bob@example.org", TODAY, 1
    )
    assert (changed.tables, changed.who) == ([TWO, ONE], "bob@example.org")
    planning.rename(fielded, "tiny", "mine", "ours", "bob@example.org", TODAY, 2)
    assert [p.name for p in planning.plans(fielded, "tiny")] == ["ours", "every-question"]
    planning.throw_away(fielded, "tiny", "ours", 1)
    assert [p.name for p in planning.plans(fielded, "tiny")] == ["every-question"]


def test_a_plan_is_not_renamed_over_another(fielded: Database) -> None:
    save(fielded)
    planning.save(fielded, "tiny", "ours", document(), "ann@example.org", TODAY)
    with pytest.raises(Refused, match="there is a plan “ours” already"):
        planning.rename(fielded, "tiny", "mine", "ours", "ann@example.org", TODAY, 1)


def test_a_plan_of_the_product_is_never_changed(fielded: Database) -> None:
    with pytest.raises(SurveyError, match="is never changed"):
        planning.throw_away(fielded, "tiny", "every-question", 0)


def test_every_question_as_json_fits_its_questionnaire(fielded: Database) -> None:
    text = planning.of_every_question(fielded, "tiny")
    assert json.loads(text)["tables"] == [
        {"id": "1", "question": "kind"},
        {"id": "2", "question": "sources"},
        {"id": "3", "question": "partners"},
    ]
    assert planning.save(fielded, "tiny", "all", text, "ann@example.org", TODAY).title == "A tiny survey"


def test_changes_to_a_plan() -> None:
    plan = {"survey": "tiny", "title": "T", "tables": [ONE, TWO]}
    three = {"id": "3", "question": "partners"}
    assert planning.tables_of(planning.with_table(plan, three)) == [ONE, TWO, three]
    assert planning.tables_of(planning.with_table(plan, {"id": "1", "question": "x"}))[0] == {
        "id": "1",
        "question": "x",
    }
    assert planning.tables_of(planning.without_table(plan, "1")) == [TWO]
    assert planning.tables_of(planning.moved(plan, "1", 5)) == [TWO, ONE]
    assert planning.tables_of(planning.titled(plan, "1", "Kinds"))[0] == {
        "id": "1",
        "title": "Kinds",
        "question": "kind",
    }
    assert planning.arranged(plan, title="U", margins=None) == {
        "survey": "tiny",
        "title": "U",
        "tables": [ONE, TWO],
    }
    with pytest.raises(NotFound):
        planning.moved(plan, "9", 1)
    with pytest.raises(SurveyError, match="at least one table"):
        planning.without_table({"tables": [ONE]}, "1")


def test_what_tables_can_be_made_of_is_known_without_an_answer(db: Database) -> None:
    wave, _, _ = make_wave(db)
    found = planning.material(db, wave)
    assert found.strata == {"region": ["North", "South"]}
    assert list(found.instrument.questions) == ["kind", "sources", "partners", "issues"]
