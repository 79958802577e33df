"""What the console says on stderr, and what it asks."""

import io
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from output_streams import AWS, Keyboard, Latin, Screen, Shared, Stage, instance, look, no_results

from handrail.core.errors import CapReached, HandrailError, NotConfirmed, Refused
from handrail.core.plan import Ask, Plan, Question, Result, Status
from handrail.output.lines import CONTROL
from handrail.output.messages import NOWHERE, Console, place

REFUSED = Refused(
    "t3.lrge is not an instance type that the policy allows.",
    facts=[("rule", "ec2.types = t3.nano, t4g.nano (built-in strict)")],
    hint="handrail ec2 create --type t3.nano",
    details={"reasons": ("ec2.types",)},
)


def plan(**given: Any) -> Plan:
    values: dict[str, Any] = {"title": "create 1 instance", "facts": (("name", "web"), ("cost", "$0.0111 per hour"))}
    return Plan(**{"apply": no_results, "planned": (), "many": False, **values, **given})


def on_terminal(**given: Any) -> Stage:
    return Stage(**{"err": Screen(), "stdin": Screen(), "style": look(), **given})


def test_a_plan_says_what_and_where() -> None:
    stage = Stage()
    stage.console.show_plan(plan())
    assert stage.wrote == (
        "",
        "create 1 instance                                            sandbox · us-east-1\n"
        "  name      web\n"
        "  cost      $0.0111 per hour\n",
    )
    assert len(stage.err.getvalue().partition("\n")[0]) == 80


def asked(*requests: str | None, **given: Any) -> Plan:
    """Return a plan of these requests, and of a target that is left alone."""
    planned = [Result("web", None, Status.PLANNED, request=request) for request in requests]
    return plan(planned=[*planned, Result("api", "i-1", Status.UNCHANGED, request="unused")], **given)


def test_a_plan_tells_its_requests_once() -> None:
    several, named = Stage(), Stage()
    several.console.show_plan(asked("r-1", "r-2", None, facts=(("name", "web"),)))
    named.console.show_plan(asked("r-1", "r-2", facts=(("request", "r"), ("name", "web"))))
    assert several.err.getvalue().splitlines()[1:] == ["  name      web", "  request   r-1, r-2"]
    assert named.err.getvalue().splitlines()[1:] == ["  name      web", "  request   r"]


@pytest.mark.parametrize(
    ("look_of_it", "line"),
    [
        ({"format": "json"}, "request r-1\n"),
        ({"format": "yaml"}, "# request r-1\n"),
        ({"quiet": True}, "request r-1\n"),
        ({"format": "json", "quiet": True}, "request r-1\n"),
    ],
)
def test_the_request_is_told_where_the_plan_is_not(look_of_it: dict[str, Any], line: str) -> None:
    stage = Stage(style=look(**look_of_it))
    stage.console.show_plan(asked("r-1"))
    assert stage.wrote == ("", line)
    dry = Stage(style=look(**look_of_it), dry_run=True)
    dry.console.show_plan(asked("r-1"))
    assert dry.wrote == ("", "")


def test_the_request_leaves_yaml_readable() -> None:
    stage = Stage(style=look(format="yaml"))
    stage.console.show_plan(asked("r-1"))
    stage.console.error(REFUSED)
    assert yaml.safe_load(stage.err.getvalue())["error"]["code"] == "refused"


def test_a_plan_on_a_narrow_terminal() -> None:
    stage = on_terminal(style=look(width=50), where=AWS)
    stage.console.show_plan(plan())
    assert stage.err.getvalue().partition("\n")[0] == "create 1 instance   aws · 123456789012 · eu-west-1"


def test_places() -> None:
    assert place(AWS) == "aws · 123456789012 · eu-west-1"
    assert place(NOWHERE) == ""


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_programs_hear_plans_and_summaries_only_where_somebody_watches(form: Any) -> None:
    piped, watched = Stage(style=look(format=form)), on_terminal(style=look(format=form))
    for stage in (piped, watched):
        stage.console.show_plan(plan(facts=()))
        stage.console.summarize("", lambda: "2 instances")
    assert piped.wrote == ("", "")
    assert watched.err.getvalue().splitlines()[1:] == ["2 instances"]


def test_quiet_hides_talk_and_keeps_what_matters() -> None:
    stage = on_terminal(style=look(quiet=True), stdin=Screen("y\n"))
    stage.console.show_plan(plan())
    stage.console.progress("web: pending")
    stage.console.note("by the way")
    stage.console.summarize("", lambda: "2 instances")
    stage.console.warn("look out")
    assert stage.console.confirm(Question(Ask.YES, "Really."))
    stage.console.error(HandrailError("no"))
    assert stage.err.getvalue() == "warning: look out\nReally.\nGo on? [y/N] error: no\n"


def test_an_error_in_three_parts() -> None:
    stage = Stage()
    stage.console.error(REFUSED)
    assert stage.err.getvalue() == (
        "error: t3.lrge is not an instance type that the policy allows.\n"
        "  rule      ec2.types = t3.nano, t4g.nano (built-in strict)\n"
        "  try       handrail ec2 create --type t3.nano\n"
    )


def test_an_error_with_aligned_facts() -> None:
    stage = Stage()
    running = "web  i-0c1d2e3f4a5b6c7d8  3 h  you\napi  i-0d2e3f4a5b6c7d8e9  2 d  dev-2"
    stage.console.error(CapReached("2 instances are running.", limit=2, count=2, facts=[("running", running)]))
    assert stage.err.getvalue() == (
        "error: 2 instances are running.\n"
        "  running   web  i-0c1d2e3f4a5b6c7d8  3 h  you\n"
        "            api  i-0d2e3f4a5b6c7d8e9  2 d  dev-2\n"
    )


def test_an_error_wraps_on_a_terminal_only() -> None:
    stage = on_terminal(style=look(width=40))
    stage.console.error(REFUSED)
    assert stage.err.getvalue() == (
        "error: t3.lrge is not an instance type\n"
        "       that the policy allows.\n"
        "  rule      ec2.types = t3.nano,\n"
        "            t4g.nano (built-in strict)\n"
        "  try       handrail ec2 create --type t3.nano\n"
    )


def test_an_error_as_json_and_yaml() -> None:
    expected = {
        "error": {
            "code": "refused",
            "message": "t3.lrge is not an instance type that the policy allows.",
            "hint": "handrail ec2 create --type t3.nano",
            "details": {"reasons": ["ec2.types"]},
        }
    }
    as_json, as_yaml = Stage(style=look(format="json")), Stage(style=look(format="yaml"))
    as_json.console.error(REFUSED)
    as_yaml.console.error(REFUSED)
    assert json.loads(as_json.err.getvalue()) == expected
    assert as_json.err.getvalue().count("\n") == 1
    assert yaml.safe_load(as_yaml.err.getvalue()) == expected


def test_an_error_as_json_in_a_narrow_encoding() -> None:
    stage = Stage(style=look(format="json"), err=Latin())
    stage.console.error(HandrailError("東"))
    assert "\\u6771" in stage.err.getvalue()


def test_messages_are_redacted_everywhere() -> None:
    def hide(text: str) -> str:
        return text.replace("hunter2", "***")

    error = HandrailError("hunter2", hint="hunter2", facts=[("a", "hunter2")], details={"b": ["hunter2"]})
    for form in ("table", "json", "yaml"):
        stage = Stage(style=look(format=form, redact=hide))
        stage.console.error(error)
        stage.console.warn("hunter2")
        stage.console.note("hunter2")
        stage.console.show_plan(plan(title="hunter2", facts=(("name", "hunter2"),)))
        stage.console.summarize("", lambda: "hunter2", facts=[("a", "hunter2")])
        assert "hunter2" not in stage.err.getvalue()
        assert "***" in stage.err.getvalue()


@given(st.text(st.characters(), max_size=30), st.sampled_from(["table", "json", "yaml", "csv"]), st.booleans())
def test_no_control_character_reaches_stderr(text: str, form: Any, tty: bool) -> None:
    stage = Stage(style=look(format=form), err=Screen() if tty else io.StringIO(), stdin=Screen("y\n"))
    stage.console.error(HandrailError(text, hint=text, facts=[(text, text)], details={text: text}))
    stage.console.warn(text)
    stage.console.note(text)
    stage.console.show_plan(plan(title=text, facts=((text, text),)))
    if tty:
        stage.console.confirm(Question(Ask.YES, text, rows=(instance(name=text),)))
    assert not CONTROL.search(stage.err.getvalue().replace("\n", ""))


# --- questions


GOING = Question(
    Ask.WORD,
    "This ends 1 instance for good, with its disk:",
    word="web",
    rows=(instance(state="stopped"),),
    columns=(("NAME", "name"), ("ID", "id"), ("STATE", "state"), ("AGE", "created_at"), ("PUBLIC", "public_ip")),
)


ROWS = "NAME  ID                   STATE    AGE  PUBLIC\nweb   i-0c1d2e3f4a5b6c7d8  stopped  3 h  -"


def test_the_name_must_be_typed() -> None:
    stage = on_terminal(stdin=Screen("  web \n"))
    assert stage.console.confirm(GOING)
    assert stage.err.getvalue() == (
        f"This ends 1 instance for good, with its disk:\n{ROWS}\nType its name to confirm: "
    )


@pytest.mark.parametrize("typed", ["wep\n", "Web\n", "yes\n", "\n"])
def test_another_word_is_no(typed: str) -> None:
    assert not on_terminal(stdin=Screen(typed)).console.confirm(GOING)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("y\n", True), ("YES\n", True), (" y\n", True), ("\n", False), ("n\n", False), ("yeah\n", False)],
)
def test_yes_or_no(typed: str, answer: bool) -> None:
    stage = on_terminal(stdin=Screen(typed))
    assert stage.console.confirm(Question(Ask.YES, "Anyone will read it.", prompt="Are you sure?")) is answer
    assert stage.err.getvalue() == "Anyone will read it.\nAre you sure? [y/N] "


def test_the_end_of_input_is_no_and_ends_the_line() -> None:
    stage = on_terminal()
    assert not stage.console.confirm(Question(Ask.YES, "Really."))
    assert stage.err.getvalue() == "Really.\nGo on? [y/N] \n"
    assert on_terminal().console.ask("Which? ") is None
    cut = on_terminal(stdin=Screen("aws"))
    assert cut.console.ask("Which? ") == "aws"
    assert cut.err.getvalue() == "Which? \n"


def test_ctrl_c_at_a_question_ends_the_line() -> None:
    class Interrupted(Screen):
        """A terminal at which somebody presses Ctrl-C."""

        def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
            raise KeyboardInterrupt

    stage = on_terminal(stdin=Interrupted())
    with pytest.raises(KeyboardInterrupt):
        stage.console.ask("Which? ")
    assert stage.err.getvalue() == "Which? \n"


def test_bytes_that_are_no_text_are_no() -> None:
    assert not on_terminal(stdin=Keyboard()).console.confirm(Question(Ask.YES, "Really."))


def test_prompts_for_several_and_of_ones_own() -> None:
    several = on_terminal(stdin=Screen("3\n"))
    assert several.console.confirm(Question(Ask.WORD, "These go.", word="3", rows=(instance(),)))
    assert "Type their number to confirm: " in several.err.getvalue()
    assert several.err.getvalue().splitlines()[1].startswith("NAME  ID ")
    own = on_terminal(stdin=Screen("x\n"))
    assert own.console.confirm(Question(Ask.WORD, "It goes.", word="x", prompt="Type the domain: "))
    assert own.err.getvalue() == "It goes.\nType the domain: "


def test_yes_answers_without_asking() -> None:
    stage = Stage(yes=True, no_input=True)
    assert stage.console.confirm(GOING)
    assert stage.wrote == ("", "")


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        (Stage(stdin=io.StringIO("y\n"), err=Screen()), "there is no terminal to ask on"),
        (Stage(stdin=Screen("y\n")), "there is no terminal to ask on"),
        (on_terminal(stdin=Screen("y\n"), no_input=True), "--no-input forbids to ask"),
    ],
)
def test_where_nobody_can_be_asked(stage: Stage, reason: str) -> None:
    with pytest.raises(NotConfirmed) as caught:
        stage.console.confirm(GOING)
    error = caught.value
    assert error.message == f"this needs a yes, and {reason}; nothing was changed."
    assert (error.hint, error.exit_code) == ("add --yes to answer it", 6)
    assert error.facts == (("question", f"{GOING.text}\n{ROWS}"),)
    assert [row["id"] for row in error.details["rows"]] == ["i-0c1d2e3f4a5b6c7d8"]
    assert stage.wrote == ("", "")


@pytest.mark.parametrize("given", [{"yes": True}, {"dry_run": True}])
def test_what_goes_is_shown_with_the_plan_where_nobody_is_asked(given: dict[str, Any]) -> None:
    stage = Stage(**given)
    stage.console.show_plan(plan(question=GOING, facts=()))
    assert stage.err.getvalue().endswith(f"us-east-1\n{ROWS}\n")
    simple = Stage(**given)
    simple.console.show_plan(plan(question=Question(Ask.YES, "Really."), facts=()))
    assert simple.err.getvalue().count("\n") == 1


def test_what_goes_is_shown_once_where_somebody_is_asked() -> None:
    stage = on_terminal(stdin=Screen("web\n"))
    stage.console.show_plan(plan(question=GOING, facts=()))
    assert stage.console.confirm(GOING)
    assert stage.err.getvalue().count(ROWS) == 1


def test_what_goes_fits_the_screen_also_below_an_error() -> None:
    stage = on_terminal(style=look(width=60), no_input=True)
    with pytest.raises(NotConfirmed) as caught:
        stage.console.confirm(GOING)
    stage.console.error(caught.value)
    lines = stage.err.getvalue().splitlines()
    assert max(map(len, lines)) <= 60
    assert any(line.endswith("i-0c1d2e3f4a5b6c7d8  stopped  3 h  -") for line in lines)


# --- progress


def test_progress_rewrites_one_line() -> None:
    stage = on_terminal(style=look(width=20))
    stage.console.progress("web: pending 10 s")
    stage.console.progress("web: running")
    stage.console.progress("web: a line that is far too long")
    stage.console.note("done")
    assert stage.err.getvalue() == ("\rweb: pending 10 s\rweb: running     \rweb: a line that i…\ndone\n")


def test_progress_in_a_pipe_is_silent_or_tells_changes() -> None:
    silent, talking = Stage(), Stage(style=look(verbose=1))
    for stage in (silent, talking):
        for text in ("web: pending 2 s", "web: pending 1 min", "web: running", "web: running 3 s"):
            stage.console.progress(text)
    assert silent.wrote == ("", "")
    assert talking.err.getvalue() == "web: pending 2 s\nweb: running\nweb: running 3 s\n"


def test_a_result_stands_below_the_progress_line() -> None:
    log: list[str] = []

    class Terminal(Shared):
        def isatty(self) -> bool:
            return True

    console = Console(Shared(log), Terminal(log), io.StringIO(), look())
    console.print(["one"])
    console.progress("web: pending")
    console.print(["two"])
    console.note("three")
    assert "".join(log) == "one\n\rweb: pending\ntwo\nthree\n"


def test_an_empty_line_only_after_something() -> None:
    stage = Stage()
    stage.console.set_apart()
    assert stage.wrote == ("", "")
    stage.console.show_plan(plan(facts=()))
    stage.console.set_apart()
    stage.console.set_apart()
    assert stage.err.getvalue().endswith("us-east-1\n\n")


@pytest.mark.parametrize(
    ("regions", "shown"), [(("eu-west-1",), "eu-west-1"), (("eu-west-1", "us-west-2"), "us-east-1"), ((), "us-east-1")]
)
def test_a_plan_says_the_region_of_its_targets(regions: tuple[str, ...], shown: str) -> None:
    stage = Stage()
    stage.console.show_plan(plan(planned=[Result("a", "a", Status.PLANNED, region=region) for region in regions]))
    assert stage.err.getvalue().partition("\n")[0].endswith(f"sandbox · {shown}")


def test_a_request_that_was_announced_is_not_told_again() -> None:
    stage = Stage()
    one = asked("r-1", again="--request-id r-1")
    stage.console.announce(one)
    assert stage.err.getvalue() == "request r-1\n"
    stage.console.show_plan(one)
    stage.console.announce(one)
    assert stage.err.getvalue().count("r-1") == 1
    quiet = Stage()
    quiet.console.announce(asked("r-2"))
    assert quiet.err.getvalue() == "", "people are told of a request where a repeat can name it"
