"""What every kind of resource shares, on a made-up one: from a word to a thing, whose it is, what becomes of each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from boats import Boat, Boats

from handrail.core.errors import (
    Acted,
    AwsFailure,
    HandrailError,
    Internal,
    NotFound,
    NotManaged,
    Refused,
    Unreachable,
    Usage,
    WrongState,
)
from handrail.core.plan import Ask, Question, Result, Status
from handrail.core.policy.rules import Touch
from handrail.ledger.record import Intent
from handrail.operations.kinds import (
    Course,
    Target,
    Verb,
    ask_before,
    attempt,
    called,
    carry_out,
    find,
    find_one,
    judged,
    look_again,
    look_again_at,
    owners_of,
    plan_for,
)
from stage import Stage

ANY = '[ec2]\nmanage = "any"'


ARK = Boat()
FOREIGN = Boat("b-2", "raft", owner="", request="", managed=False)
THEIRS = Boat("b-3", "yawl", owner="dev-2")
SUNK = replace(ARK, is_gone=True)
LOST = Unreachable("no answer.")


def error_of(kind: Boats, word: str = "ark", *, stage: Stage | None = None, **how: Any) -> HandrailError:
    """Return why a word is no thing."""
    with pytest.raises(HandrailError) as caught:
        find_one(stage or Stage(), kind, word, **how)
    return caught.value


# ---- from a word to a thing


def test_what_is_found_is_a_target() -> None:
    target = find_one(Stage(), Boats(ark=[ARK]), "ark")
    assert (target.word, target.one, target.name, target.touch) == ("ark", ARK, "ark", Touch.FREELY)


def test_a_target_that_is_none_is_called_as_it_was_said() -> None:
    nothing = Target[Boat]("nope")
    assert [one.name for one in (nothing, Target("b-1", replace(ARK, name="")), Target("b-1", ARK))] == [
        *("nope", "b-1", "ark"),
    ]
    with pytest.raises(Internal, match="nope was not found"):
        assert nothing.one


def test_a_word_that_means_nothing() -> None:
    error = error_of(Boats(), "nope", stage=Stage(region="eu-west-1"))
    assert (type(error), error.message) == (NotFound, "there is no boat nope.")
    assert (error.hint, error.details) == ("handrail ec2 list --region eu-west-1", {"target": "nope"})


def test_what_others_made_without_handrail_is_named_and_not_resolved() -> None:
    error = error_of(Boats(raft=[FOREIGN]), "raft", to_change=False)
    assert (type(error), error.message) == (NotManaged, "raft is not managed by Handrail; nothing was changed.")
    assert (error.hint, error.details) == ("handrail ec2 list --all", {"target": "raft"})


def test_beside_an_own_thing_a_foreign_one_of_its_name_does_not_count() -> None:
    kind = Boats(ark=[FOREIGN, ARK])
    assert find_one(Stage(), kind, "ark").one is ARK
    assert error_of(kind, stage=Stage(policy=ANY)).slug == "ambiguous"


def test_a_policy_that_manages_any_lets_it_be_touched_after_a_question() -> None:
    target = find_one(Stage(policy=ANY), Boats(raft=[FOREIGN]), "raft")
    assert (target.one, target.touch) == (FOREIGN, Touch.ASK_FOREIGN)


def test_a_name_of_several() -> None:
    error = error_of(Boats(ark=[ARK, replace(THEIRS, name="ark"), replace(ARK, id="b-4", owner="")]))
    assert (type(error), error.message, error.slug) == (Usage, "3 boats are named ark.", "ambiguous")
    assert [line.split() for line in dict(error.facts)["which"].splitlines()] == [
        ["b-1", "afloat", "dev-1"],
        ["b-3", "afloat", "dev-2"],
        ["b-4", "afloat", "-"],
    ]
    assert (error.hint, error.details) == ("name it by its id: b-1", {"candidates": ["b-1", "b-3", "b-4"]})


@pytest.mark.parametrize(
    ("policy", "touch"), [("", Touch.ASK_OWNER), ('others = "allow"', Touch.FREELY), ('others = "refuse"', None)]
)
def test_whose_it_is_is_judged_where_it_is_to_be_changed(policy: str, touch: Touch | None) -> None:
    stage, kind = Stage(policy=policy), Boats(yawl=[THEIRS])
    (target,) = find(stage, kind, ["yawl"])
    assert target.thing is THEIRS
    assert (target.touch, target.error) == (touch, None) if touch else isinstance(target.error, Refused)
    assert find_one(stage, kind, "yawl", to_change=False).touch is Touch.FREELY


def test_of_what_is_gone_only_the_trace_is_found_where_that_will_do() -> None:
    kind = Boats(ark=[SUNK])
    assert (error_of(kind).message, error_of(kind).hint) == ("boat ark is gone.", "handrail ec2 list")
    assert find_one(Stage(), kind, "ark", gone_too=True).one is SUNK


def test_why_it_can_not_be_told_is_the_error_of_its_word_alone() -> None:
    assert error_of(Boats(ark=LOST)) is LOST
    lost, ark = find(Stage(), Boats(lost=LOST, ark=[ARK]), ["lost", "ark"])
    assert (lost.error, ark.error, ark.thing) == (LOST, None, ARK)


def test_an_id_and_its_name_are_one_target_and_two_words_for_nothing_are_two() -> None:
    found: Any = {"b-1": [ARK], "ark": [ARK]}
    kind = Boats(**found)
    assert [one.word for one in find(Stage(), kind, ["b-1", "nope", "ark", "none"])] == ["b-1", "nope", "none"]


# ---- right before it is changed


@pytest.mark.parametrize(
    ("now", "kind_of_error", "message", "hint"),
    [
        (
            replace(ARK, owner="dev-2"),
            WrongState,
            "boat ark changed hands since the plan was made; nothing was changed.",
            "handrail ec2 show b-1",
        ),
        (
            replace(ARK, request="r2"),
            WrongState,
            "boat ark was deleted and made anew since the plan was made; nothing was changed.",
            "handrail ec2 show b-1",
        ),
        (
            replace(ARK, request="", owner="", managed=False),
            NotManaged,
            "ark is not managed by Handrail; nothing was changed.",
            "handrail ec2 list --all",
        ),
        (SUNK, NotFound, "boat ark is gone.", "handrail ec2 list"),
        (LOST, Unreachable, "no answer.", ""),
    ],
    ids=["another owner", "made anew", "nobody's", "gone", "no answer"],
)
def test_what_is_not_as_it_was_is_not_touched(
    now: Boat | HandrailError, kind_of_error: type[HandrailError], message: str, hint: str
) -> None:
    kind, target = Boats({"b-1": now}), Target("ark", ARK)
    error = look_again(Stage(), kind, [target])["b-1"]
    assert isinstance(error, HandrailError)
    assert (type(error), error.message, error.hint or "") == (kind_of_error, message, hint)
    with pytest.raises(kind_of_error):
        look_again_at(Stage(), kind, target)
    if isinstance(error, WrongState):
        assert (error.slug, error.details) == ("made_anew", {"target": "ark", "id": "b-1"})


def test_what_is_as_it_was_is_returned_as_it_is_now() -> None:
    now = replace(ARK, name="ark-2", tags={"a": "1"})
    assert look_again_at(Stage(), Boats({"b-1": now}), Target("ark", ARK)) is now


def test_what_a_look_does_not_show_yet_is_as_it_was() -> None:
    seen = look_again(Stage(), Boats({"b-1": ARK}), [Target("ark", ARK), Target("yawl", THEIRS)])
    assert seen == {"b-1": ARK, "b-3": THEIRS}


@pytest.mark.parametrize(("before", "gone_too"), [(ARK, True), (SUNK, False)])
def test_what_has_gone_may_be_no_error(before: Boat, gone_too: bool) -> None:
    assert look_again_at(Stage(), Boats({"b-1": SUNK}), Target("ark", before), gone_too=gone_too) is SUNK


def test_a_second_look_is_like_the_first_where_a_kind_does_not_say_otherwise() -> None:
    found: Any = {"b-1": [ARK], "b-2": LOST}
    again = Boats(**found).look_again(Stage(), [ARK, FOREIGN, THEIRS])
    assert (again["b-1"], again["b-2"]) == (ARK, LOST)
    assert str(again["b-3"]) == "there is no boat b-3."


# ---- what it means for each


def test_a_course_is_judged_by_itself() -> None:
    def judge(target: Target[Boat]) -> Course[Boat]:
        if target.one is THEIRS:
            raise WrongState("it leaks.")
        return Course(target, acts=True)

    targets = [Target("ark", ARK), Target("nope", error=LOST), Target("yawl", THEIRS)]
    courses = judged(Stage(), Course, targets, judge)
    assert [one.acts for one in courses] == [True, False, False]
    assert [str(one.error) for one in courses] == ["None", "no answer.", "it leaks."]
    assert len({one.request for one in courses}) == 3


def test_the_result_of_a_course() -> None:
    course = Course(Target("b-1", ARK), acts=True, request="r9", warnings=("it leaks",))
    done = course.result(Status.SUCCEEDED, "ark is painted", replace(ARK, name="red"), notes=(("a", "b"),))
    assert (done.name, done.id, done.said, done.request, done.region) == (
        *("red", "b-1", "ark is painted", "r9", "us-east-1"),
    )
    assert (done.warnings, done.notes) == (("it leaks",), (("a", "b"),))
    same = course.result(Status.UNCHANGED, "so already", warnings=())
    assert (same.current, same.request, same.warnings) == (ARK, None, ())
    assert replace(course, request="").result(Status.PLANNED, "").request is None


def test_the_result_of_one_that_could_not_be_changed() -> None:
    found = Course(Target("b-1", ARK), request="r9").failed(LOST)
    assert (found.name, found.id, found.region, found.request, found.error) == ("ark", "b-1", "us-east-1", "r9", LOST)
    assert (found.current, found.status) == (ARK, Status.FAILED)
    missing = Course(Target[Boat]("nope"), error=LOST).failed()
    assert (missing.name, missing.id, missing.region, missing.request, missing.error) == (
        *("nope", None, None, None, LOST),
    )
    assert isinstance(Course(Target[Boat]("nope")).failed().error, Internal)


PAINT = Verb[Course[Boat]]("paint", lambda course: f"would be painted {course.one.id}")


def courses(*ones: Boat | HandrailError, acts: bool = True) -> list[Course[Boat]]:
    """Return the courses of these, each with a request."""
    return [
        Course(Target(f"w{number}", error=one), error=one, request=f"r{number}")
        if isinstance(one, HandrailError)
        else Course(Target(one.name, one), acts=acts, request=f"r{number}")
        for number, one in enumerate(ones)
    ]


def test_the_plan_of_several() -> None:
    ones = [*courses(ARK, LOST), *courses(THEIRS, acts=False)]
    ones[0] = replace(ones[0], target=replace(ones[0].target, touch=Touch.ASK_OWNER))
    plan = plan_for(Stage(), Boats(), ones, PAINT, apply=lambda _hold: [], facts=(("a", "b"),))
    assert (plan.title, plan.many, plan.facts) == ("paint 1 boat", True, (("a", "b"),))
    assert plan.owners == {"dev-1"}
    assert [(one.status, one.said) for one in plan.planned] == [
        (Status.PLANNED, "ark would be painted b-1; nothing was changed"),
        (Status.FAILED, "no answer."),
        (Status.UNCHANGED, "yawl is like that already"),
    ]
    assert plan.question is not None


def test_the_plan_of_nothing_asks_nothing() -> None:
    question = Question(Ask.YES, "Sure?")
    idle = plan_for(Stage(), Boats(), courses(ARK, acts=False), PAINT, apply=lambda _: [], question=question)
    assert (idle.title, idle.question, idle.owners) == ("paint 0 boats", None, frozenset())
    one = plan_for(Stage(), Boats(), courses(ARK), PAINT, apply=lambda _: [], title="paint ark", many=False)
    assert (one.title, one.many, one.question) == ("paint ark", False, None)


def test_each_is_carried_out_by_itself_as_it_is_now() -> None:
    now = {"b-1": replace(ARK, name="ark-2"), "b-3": replace(THEIRS, request="r2"), "b-4": replace(ARK, id="b-4")}

    def paint(course: Course[Boat], one: Boat) -> Result:
        if one.id == "b-4":
            raise LOST
        return course.result(Status.SUCCEEDED, f"{called(one)} is painted", one)

    ones = [*courses(ARK, LOST, THEIRS, now["b-4"]), *courses(FOREIGN, acts=False)]
    results = carry_out(Stage(), Boats(now), ones, PAINT, paint)
    assert [one.said for one in results] == [
        "ark-2 is painted",
        "no answer.",
        "boat yawl was deleted and made anew since the plan was made; nothing was changed.",
        "no answer.",
        "raft is like that already",
    ]
    assert [one.status for one in results] == [
        *(Status.SUCCEEDED, Status.FAILED, Status.FAILED, Status.FAILED, Status.UNCHANGED),
    ]
    assert [one.request for one in results] == ["r0", "r1", "r2", "r3", None]


def test_what_has_gone_may_be_carried_out_too() -> None:
    seen: list[Boat] = []

    def clear(course: Course[Boat], one: Boat) -> Result:
        seen.append(one)
        return course.result(Status.SUCCEEDED, "")

    carry_out(Stage(), Boats({"b-1": SUNK}), courses(ARK), PAINT, clear, gone_too=True)
    assert seen == [SUNK]


@pytest.mark.parametrize(
    ("sent", "error", "acted"),
    [
        (0, AwsFailure("no."), Acted.NO),
        (1, AwsFailure("no."), Acted.UNKNOWN),
        (1, AwsFailure("late.", acted=Acted.YES), Acted.YES),
        (1, WrongState("no."), Acted.NO),
    ],
)
def test_an_error_says_whether_the_change_may_have_been_made(sent: int, error: HandrailError, acted: Acted) -> None:
    stage = Stage()
    stage.aws.changes_sent = 7

    def change() -> None:
        with attempt(stage):
            stage.aws.changes_sent += sent
            raise error

    with pytest.raises(type(error)):
        change()
    assert error.acted is acted


# ---- what is asked before


def ask(*ones: tuple[Boat, Touch]) -> list[Target[Boat]]:
    """Return targets that it takes this to change."""
    return [Target(one.name, one, touch=touch) for one, touch in ones]


MINE = (ARK, Touch.FREELY)
OTHERS = [(Boat(name=name, owner=owner), Touch.ASK_OWNER) for name, owner in (("x", "c"), ("web", "c"), ("api", "b"))]
WILD = [(replace(FOREIGN, name=name), Touch.ASK_FOREIGN) for name in ("db", "")]


@pytest.mark.parametrize(
    ("ones", "text"),
    [
        (WILD[:1], "Handrail did not make db."),
        (WILD, "Handrail did not make db, b-2."),
        (OTHERS[:1], "x belongs to c, not to you."),
        (OTHERS[:2], "x and web belong to c, not to you."),
        ([MINE, *OTHERS, *WILD], "Handrail did not make db, b-2; api belongs to b, x and web belong to c, not to you."),
    ],
)
def test_a_question_says_whose_each_is(ones: list[tuple[Boat, Touch]], text: str) -> None:
    question = ask_before(ask(*ones), "upload to it")
    others = tuple(one for one, touch in ones if touch is not Touch.FREELY)
    assert question == Question(Ask.YES, text, prompt="Upload to it anyway?", rows=others)
    base = Question(Ask.WORD, "This ends 1 boat:", word="ark", prompt="Type its name")
    assert ask_before(ask(*ones), "end", base) == replace(base, text=f"{text} This ends 1 boat:")


def test_of_ones_own_nothing_is_asked_but_what_is_in_any_case() -> None:
    base = Question(Ask.YES, "Sure?")
    assert ask_before(ask(MINE), "paint") is None
    assert ask_before(ask(MINE), "paint", base) is base


def test_the_owners_who_must_be_named() -> None:
    assert owners_of(ask(MINE, *OTHERS, *WILD)) == {"b", "c"}


@pytest.mark.parametrize(
    ("words", "options", "line"),
    [
        (("ark",), {}, "handrail ec2 stop ark --region eu-west-1"),
        ((), {"all": True}, "handrail ec2 stop --all --region eu-west-1"),
    ],
)
def test_a_line_to_type_next_names_the_region_of_this_one(
    words: Sequence[str], options: Mapping[str, Any], line: str
) -> None:
    class Everywhere(Boats):
        regional = False

    stage = Stage(region="eu-west-1")
    assert Boats().line(stage, "stop", *words, **options) == line
    assert Everywhere().line(stage, "stop", *words, **options) == line.removesuffix(" --region eu-west-1")


def test_the_name_that_an_intent_gives() -> None:
    assert Boats().name_in(Intent("r1", "ec2 create", "ark", "us-east-1", "sandbox")) == "ark"


def test_what_a_request_that_was_cut_off_was_about() -> None:
    stopped = Intent("r1", "ec2 stop", "ark", "us-east-1", "sandbox")
    assert Boats(ark=[ARK]).seen(Stage(), stopped) == ARK
    assert Boats().seen(Stage(), stopped) is None
    assert Boats(made=ARK).seen(Stage(), replace(stopped, operation="ec2 create")) == ARK
    with pytest.raises(Unreachable):
        Boats(ark=LOST).seen(Stage(), stopped)
