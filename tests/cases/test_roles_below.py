"""Below the doors of the staff site: a use case refuses whoever has not the role, before anything is read."""

import ast
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest

from surveyapp import campaigning, publishing, staffing, watching, working
from surveyapp.acting import NEEDED, OPERATOR, acting
from surveyapp.problems import NotAllowed, NotFound, Refused
from surveyapp.roles import ADMIN, ANALYST, AUTHOR, EVERY_SURVEY, KEY_HOLDER, MANAGER, ROLES, Member
from surveyapp.storage.database import Database
from surveyapp.working import queue
from tests.makers import TODAY, make_all_types, make_home, make_wave

PACKAGE = Path(campaigning.__file__).parent

ROOMS = {
    "": "admitting auditing bookkeeping campaigning doctoring drafting framing planning preparing publishing "
    "reporting retaining returning rotating staffing watching writing",
    "coding.": "codebook coders counting desk piles quoting settling",
    "working.": "audits exports imports letters openings queue resets tray",
}
MODULES = {
    f"{room}{name}": import_module(f"surveyapp.{room}{name}") for room, n in ROOMS.items() for name in n.split()
}
"""Every use case of the staff side; `collecting` is the respondents', who have no roles."""

REACHING = {"Database", "Home", "Porch", "Clerk", "Path", "Desk"}
"""What reaches the store or the files; a function that takes none of these gives values for values."""

FREE = {
    "somebody comes in, or keeps an own account by an own session": {
        "admitting.enter", "admitting.change_password", "admitting.show_second", "admitting.show_spare",
        "admitting.check_may_set_up", "admitting.set_up", "admitting.new_spares", "admitting.spares_left",
        "admitting.end_others", "admitting.sessions", "admitting.read_link", "admitting.use_link",
        "admitting.account_of_link", "admitting.want_reset", "admitting.send_reset", "staffing.has_no_account",
        "staffing.begin_session", "staffing.member", "staffing.bearer", "staffing.count_asking",
        "staffing.end_session", "staffing.asker", "working.resets.post", "working.resets.want",
    },
    "the trail takes a line of whoever acts": {"staffing.record", "staffing.record_daily", "staffing.doing"},
    "it asks itself: one's own account, or an administrator": {"staffing.rename"},
    "it asks itself: the roles of the kind of job": {"working.queue.ask"},
    "a desk of coding holds values alone": {"coding.desk.check_some", "coding.desk.check_known"},
    "a style sheet, which anyone fetches, has the colour": {"campaigning.has_colour"},
    "a step of a use case that has asked, with a job or an id that it found": {
        "working.queue.file_of", "retaining.erase_job_files",
    },
}  # fmt: skip


class Touched(Exception):
    """Something was about to be read or written."""


class Untouchable:
    """Stands for every store, folder and value: whatever looks into it gets no further."""

    def __getattr__(self, name: str) -> Any:
        raise Touched(name)


def use_case(name: str) -> Callable[..., Any]:
    module, _, function = name.rpartition(".")
    found: Callable[..., Any] = getattr(MODULES[module], function)
    return found


def public() -> Iterator[tuple[str, ast.FunctionDef]]:
    for module in MODULES:
        tree = ast.parse((PACKAGE / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield f"{module}.{node.name}", node


def reaches(node: ast.FunctionDef) -> bool:
    """Whether a function is handed something that reaches the store; a part of a transaction is its caller's."""
    told = [
        ast.unparse(one.annotation) for one in ast.walk(node.args) if isinstance(one, ast.arg) and one.annotation
    ]
    return not REACHING.isdisjoint(word for one in told for word in one.split(" | "))


def member(role: str, survey: str = "tiny") -> Member:
    return Member(b"1", "ana@example.org", "Ana", {EVERY_SURVEY if role == ADMIN else survey: frozenset({role})})


def call(name: str, survey: str = "tiny") -> None:
    """Call a use case with arguments of which only the survey can be looked at; enter what is to be entered."""
    function = use_case(name)
    given = {}
    for one in inspect.signature(function).parameters.values():
        kinds = get_args(one.annotation) or (one.annotation,)
        if one.name == "survey":
            given[one.name] = survey
        elif any("survey" in getattr(kind, "__dataclass_fields__", ()) for kind in kinds):
            given[one.name] = SimpleNamespace(survey=survey)
        elif one.default is one.empty:
            given[one.name] = Untouchable()
    result = function(**given)
    if isinstance(result, AbstractContextManager):
        with result:
            pass


def gets_past(name: str) -> bool:
    try:
        call(name)
    except (NotAllowed, NotFound):
        return False
    except Exception:  # noqa: BLE001 (whatever it stumbles over, it was let in)
        return True
    return True


def test_every_use_case_of_staff_says_for_whom_it_is() -> None:
    """Write `@needs(…)` on it, or put it into FREE with its reason."""
    free = set().union(*FREE.values())
    silent = [name for name, node in public() if name not in NEEDED and name not in free and reaches(node)]
    assert silent == []
    assert sorted(free & set(NEEDED)) == []
    assert sorted(free - {name for name, _ in public()}) == [], "it is not there any more"


def test_every_module_of_use_cases_is_looked_at() -> None:
    assert {name.rpartition(".")[0] for name in NEEDED} <= set(MODULES)
    contract = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    layers = contract.partition('"web",')[2].partition('"storage |')[0].replace('"', " ").replace("|", " ").split()
    assert {name.strip(",") for name in layers} - {"", ",", "collecting"} == {m.partition(".")[0] for m in MODULES}


def test_only_known_roles_are_asked_for() -> None:
    assert {role for roles in NEEDED.values() for role in roles} <= {*ROLES, ADMIN, OPERATOR}


@pytest.mark.parametrize("role", [*ROLES, ADMIN])
def test_a_use_case_refuses_a_wrong_role_before_it_looks_at_anything(role: str) -> None:
    for name, roles in NEEDED.items():
        if role not in roles:
            with acting(member(role), "tiny"), pytest.raises((NotAllowed, NotFound)):
                call(name)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_in_another_survey_is_worth_nothing_here(role: str) -> None:
    for name in NEEDED:
        with acting(member(role, "other"), "tiny"), pytest.raises((NotAllowed, NotFound)):
            call(name)
        with acting(member(role, "other")), pytest.raises((NotAllowed, NotFound)):
            call(name)


def test_nobody_who_came_to_a_page_open_to_anyone_gets_in() -> None:
    for name in NEEDED:
        with acting(Member(b"", "", "")), pytest.raises((NotAllowed, NotFound)):
            call(name)


def test_the_right_role_gets_in() -> None:
    for name, roles in NEEDED.items():
        for role in roles:
            if role != OPERATOR:
                with acting(member(role), "tiny"):
                    assert gets_past(name), (name, role)


def test_the_operator_at_the_terminal_gets_in_everywhere() -> None:
    assert [name for name in NEEDED if not gets_past(name)] == []
    with acting(member(AUTHOR), "tiny"), acting(None):
        assert gets_past("campaigning.close_wave")


def test_what_names_another_survey_needs_the_role_there() -> None:
    with acting(member(AUTHOR), "tiny"), pytest.raises(NotFound):
        call("drafting.publish", "other")
    with acting(member(AUTHOR), "tiny"), pytest.raises(NotFound):
        publishing.publish(Untouchable(), json.dumps(make_all_types(survey="other")).encode(), TODAY)  # type: ignore[arg-type]


def test_the_trail_of_everything_is_for_administrators() -> None:
    with acting(member(MANAGER), "tiny"), pytest.raises(NotAllowed):
        staffing.acts(Untouchable())  # type: ignore[arg-type]


@pytest.fixture
def two(db: Database) -> Database:
    """The wave "tiny-1", and "other-1" of another survey."""
    make_wave(db)
    make_wave(db, "other-1", make_all_types(survey="other"))
    return db


def test_a_wave_of_another_survey_is_not_there_for_who_has_no_role_for_it(two: Database) -> None:
    roles: Mapping[str, frozenset[str]] = {"tiny": frozenset({MANAGER}), "other": frozenset({ANALYST})}
    ana = Member(b"1", "ana@example.org", "Ana", roles)
    with acting(ana, "tiny"):
        with pytest.raises(NotFound):
            campaigning.close_wave(two, "other-1", TODAY)
        assert campaigning.close_wave(two, "tiny-1", TODAY).state == "closed"
        assert watching.glance(two, "other-1", TODAY).wave.state == "open", "for any role there"


@pytest.mark.parametrize("asked", ["none-1", "other-1"])
def test_waves_of_a_survey_in_which_somebody_has_no_role_are_not_named(two: Database, asked: str) -> None:
    with acting(member(MANAGER), "tiny"), pytest.raises(NotFound) as refusal:
        campaigning.close_wave(two, asked, TODAY)
    assert str(refusal.value) == f"there is no wave '{asked}'; the waves are: tiny-1", "no others"


def test_versions_of_a_survey_in_which_somebody_has_no_role_are_not_listed(two: Database) -> None:
    with acting(member(ANALYST), "tiny"):
        assert [version.survey for version in publishing.versions(two)] == ["tiny"]


def test_the_operator_and_administrators_are_told_of_every_survey(two: Database) -> None:
    with pytest.raises(NotFound, match=r"the waves are: other-1, tiny-1$"):
        campaigning.close_wave(two, "none-1", TODAY)
    assert [version.survey for version in publishing.versions(two)] == ["other", "tiny"]
    both = Member(b"1", "ana@example.org", "Ana", {"": frozenset({ADMIN}), "tiny": frozenset({MANAGER})})
    with acting(both, "tiny"):
        assert [version.survey for version in publishing.versions(two)] == ["other", "tiny"]


def test_what_is_done_afterwards_is_done_by_whoever_was_at_work_before(two: Database) -> None:
    with acting(member(AUTHOR), "tiny"):
        with acting(member(MANAGER), "tiny"):
            watching.pause(two, "tiny-1", TODAY)
        with pytest.raises(NotAllowed):
            watching.resume(two, "tiny-1")
    watching.resume(two, "tiny-1")


def test_a_job_of_who_has_lost_the_role_meanwhile_is_not_done(two: Database, tmp_path: Path) -> None:
    home, by = make_home(tmp_path), staffing.By("admin@example.org", 0)
    ana = staffing.add_account(two, "ana@example.org", "Ana", {"tiny": frozenset({MANAGER})}, TODAY).id
    job = working.ask(two, "letters-send", "tiny", "tiny-1", "ana@example.org", 0)
    staffing.set_roles(two, ana, {"tiny": frozenset({AUTHOR})}, by)
    working.run_waiting(two, home, TODAY, lambda: 0)
    left = working.found(two, "tiny", job.id)
    assert (left.state, left.said) == (
        "failed",
        "This needs the role manager in the survey tiny. An administrator can give it.",
    )


def test_a_job_that_a_script_asked_for_is_that_of_the_maker_of_its_token(db: Database) -> None:
    staffing.add_account(db, "ana@example.org", "Ana", {"tiny": frozenset({ANALYST})}, TODAY)
    found = staffing.asker(db, "ana@example.org (token nightly)")
    assert found is not None
    assert found.roles == {"tiny": frozenset({ANALYST})}


def test_a_job_of_an_address_that_no_account_has_is_not_done(two: Database, tmp_path: Path) -> None:
    job = working.ask(two, "letters-send", "tiny", "tiny-1", "ana@example.org", 0)
    working.run_waiting(two, make_home(tmp_path), TODAY, lambda: 0)
    left = working.found(two, "tiny", job.id)
    assert left.state == "failed"
    assert left.said.startswith("There is no account any more with the address ana@example.org")


def test_a_job_of_the_terminal_is_the_operator_s(two: Database) -> None:
    assert staffing.asker(two, "terminal") is None
    with pytest.raises(Refused):
        staffing.add_account(two, "terminal", "Ana", {}, TODAY)


def test_a_job_is_asked_for_by_a_role_of_its_kind() -> None:
    for name, kind in queue.KINDS.items():
        role = next(role for role in ROLES if role not in kind.roles)
        with acting(member(role), "tiny"), pytest.raises(NotAllowed):
            working.ask(Untouchable(), name, "tiny", "tiny-1", "ana@example.org", 0)  # type: ignore[arg-type]
    assert queue.KINDS["open-tray"].roles == (KEY_HOLDER,)
