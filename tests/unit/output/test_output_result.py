"""Outcomes in every format."""

import csv
import io
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from output_streams import AWS, Screen, Shared, Stage, instance, look, no_results

from handrail.core.errors import NotFound, Unreachable, Usage, WrongState
from handrail.core.plan import Outcome, Plan, Result, Status
from handrail.core.resources import Instance
from handrail.output.lines import CONTROL
from handrail.output.messages import Console
from handrail.output.result import write_outcome
from handrail.output.values import MUTATION_KEYS

COLUMNS = (("NAME", "name"), ("STATE", "state"))


def written(outcome: Outcome, action: str = "list", noun: str = "instance", **given: Any) -> tuple[str, str]:
    stage_keys = {key: given.pop(key) for key in ("out", "err", "where") if key in given}
    stage = Stage(style=look(**given), **stage_keys)
    write_outcome(outcome, stage.console, action=action, noun=noun)
    return stage.wrote


def listed(**given: Any) -> Outcome:
    rows = (instance(name="api", state="pending"), instance())
    return Outcome(**{"rows": rows, "columns": COLUMNS, "summary": "2 instances · 2 of 2 places used", **given})


# --- lists


def test_a_table_with_its_summary_on_stderr() -> None:
    assert written(listed()) == (
        "NAME  STATE\napi   pending\nweb   running\n",
        "2 instances · 2 of 2 places used\n",
    )


def test_columns_of_the_resource_where_none_are_given() -> None:
    assert written(listed(columns=()))[0].startswith("NAME  ID ")


def test_colour_goes_to_terminals_only() -> None:
    assert "\x1b[32mrunning\x1b[0m" in written(listed(), color=True, out=Screen())[0]
    assert "\x1b" not in written(listed(), color=True)[0]


def test_an_empty_list() -> None:
    empty = Outcome(columns=COLUMNS, empty="No instances. Make one: handrail ec2 create")
    assert written(empty) == ("", "No instances. Make one: handrail ec2 create\n")
    assert written(empty, format="json") == ("[]\n", "")
    assert written(empty, format="yaml") == ("[]\n", "")
    assert written(empty, format="csv", noun="")[0] == "name,state\r\n"
    assert written(empty, format="csv")[0].startswith("id,name,type,state,image,")
    assert "client_token" not in written(empty, format="csv")[0]
    assert written(empty, quiet=True) == ("", "")


def test_notes_of_a_list_stand_below_its_summary() -> None:
    assert written(listed(notes=(("next", "handrail ec2 stop web"),)))[1] == (
        "2 instances · 2 of 2 places used\n  next      handrail ec2 stop web\n"
    )


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_a_list_is_an_array(form: str) -> None:
    out, err = written(listed(), format=form)
    rows = json.loads(out) if form == "json" else yaml.safe_load(out)
    assert [row["name"] for row in rows] == ["api", "web"]
    assert rows[0]["created_at"] == "2026-11-05T09:00:00Z"
    assert err == ""


def test_a_csv_has_every_stable_key() -> None:
    rows = list(csv.DictReader(io.StringIO(written(listed(), format="csv")[0], newline="")))
    assert rows[1]["tags"] == '{"Name": "web"}'
    assert rows[1]["managed"] == "true"
    assert rows[1]["public_ip"] == ""
    assert "state_reason" in rows[1]


@pytest.mark.parametrize("form", ["json", "csv", "table"])
def test_long_lists_need_little_memory(form: str) -> None:
    class Nowhere(io.StringIO):
        def write(self, text: str, /) -> int:
            return len(text)

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(8_000):
            yield {"name": f"object-{number:08}", "state": "x" * 40}

    console = Console(Nowhere(), Nowhere(), io.StringIO(), look(format=form))
    tracemalloc.start()
    try:
        write_outcome(Outcome(rows=rows(), columns=COLUMNS), console, action="list", noun="")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_500_000


def test_failures_that_no_row_carries_and_warnings() -> None:
    outcome = listed(
        failures=(Unreachable("eu-west-1 does not answer.", hint="--region us-east-1"),), warnings=("old",)
    )
    assert written(outcome)[1] == (
        "warning: old\n"
        "error: eu-west-1 does not answer.\n"
        "  try       --region us-east-1\n"
        "2 instances · 2 of 2 places used\n"
    )


def test_failures_that_no_row_carries_are_one_object_for_a_program() -> None:
    assert written(listed(failures=(Unreachable("no answer."),)), format="json")[1] == ""


def test_failures_that_a_query_leaves_out_are_said() -> None:
    error = NotFound("there is no web.")
    outcome = Outcome(rows=(Result.failed("web", error),), failures=(error,))
    assert written(outcome, "stop", query="[].name") == ("web\n", "error: there is no web.\n")
    assert written(outcome, "stop")[1] == "error: there is no web.\n"


def test_a_table_fits_the_terminal() -> None:
    rows = ({"key": "s3.secret_files", "value": (".env", "*.pem", "id_rsa")},)
    listing = Outcome(rows=rows)
    assert written(listing, out=Screen(), width=28)[0] == (
        "KEY              VALUE\ns3.secret_files  .env,\n                 *.pem,\n                 id_rsa\n"
    )
    assert written(listing, width=28)[0].count("\n") == 2
    picked = written(listing, out=Screen(), width=28, query="[].{key: key, value: join(', ', value)}")[0]
    assert max(map(len, picked.splitlines())) <= 28


# --- one thing


def test_one_thing_with_its_notes() -> None:
    outcome = Outcome(
        rows=(instance(),),
        many=False,
        summary="web is running · i-0c1d2e3f4a5b6c7d8",
        notes=(("type", "t3.nano · x86_64"), ("address", "10.0.1.5 private")),
    )
    assert written(outcome, "show") == (
        "web is running · i-0c1d2e3f4a5b6c7d8\n  type      t3.nano · x86_64\n  address   10.0.1.5 private\n",
        "",
    )
    assert json.loads(written(outcome, "show", format="json")[0])["id"] == "i-0c1d2e3f4a5b6c7d8"
    assert written(outcome, "show", format="yaml")[0].startswith("id: i-0c1d2e3f4a5b6c7d8\nname: web\n")


def test_one_thing_without_notes_shows_its_columns() -> None:
    status = {"running": True, "endpoint": "http://127.0.0.1:4566", "state_dir": None}
    assert written(Outcome(rows=(status,), many=False), "status") == (
        "  running    yes\n  endpoint   http://127.0.0.1:4566\n  state dir  -\n",
        "",
    )
    named = Outcome(rows=(instance(),), many=False, columns=COLUMNS)
    assert written(named)[0] == "  name      web\n  state     running\n"


def test_a_word_and_no_thing() -> None:
    outcome = Outcome(many=False, summary="the sandbox is used from now on")
    assert written(outcome) == ("the sandbox is used from now on\n", "")
    assert written(outcome, format="json") == ("{}\n", "")


def test_a_document_is_printed_as_it_is() -> None:
    text = '[ec2]\n\ttypes = ["t3.nano"]'
    assert written(Outcome(text=text, warnings=("w",)), format="json") == (text, "warning: w\n")
    with pytest.raises(Usage, match="this result is a text"):
        written(Outcome(text=text), query="a")


# --- changes


def created(**given: Any) -> Result:
    values: dict[str, Any] = {
        "name": "web",
        "id": "i-0c1d2e3f4a5b6c7d8",
        "status": Status.SUCCEEDED,
        "said": "web is running · i-0c1d2e3f4a5b6c7d8",
        "current": instance(),
        "request": "r-1",
        "notes": (("address", "54.12.33.7 public · 10.0.1.5 private"), ("next", "handrail ec2 stop web")),
    }
    return Result(**{**values, **given})


def test_what_was_made_stands_apart_from_the_plan() -> None:
    log: list[str] = []
    console = Console(Shared(log), Shared(log), io.StringIO(), look(), lambda: AWS)
    console.show_plan(Plan("create 1 instance", no_results, (), many=False))
    write_outcome(Outcome(rows=(created(),), many=False), console, action="create", noun="instance")
    assert "".join(log) == (
        "create 1 instance                                 aws · 123456789012 · eu-west-1\n"
        "\n"
        "web is running · i-0c1d2e3f4a5b6c7d8\n"
        "  address   54.12.33.7 public · 10.0.1.5 private\n"
        "  next      handrail ec2 stop web\n"
    )


def test_a_run_over_several_targets_in_order() -> None:
    log: list[str] = []
    console = Console(Shared(log), Shared(log), io.StringIO(), look())
    gone = NotFound("there is no api.", hint="handrail ec2 list")
    results = (
        created(said="web is stopped", notes=(), warnings=("its disk costs on",)),
        Result.failed("api", gone),
        created(name="db", said="db is stopped", notes=()),
    )
    write_outcome(Outcome(rows=results, failures=(gone,), summary="2 of 3"), console, action="stop", noun="instance")
    assert "".join(log) == (
        "warning: its disk costs on\n"
        "web is stopped\n"
        "error: there is no api.\n"
        "  try       handrail ec2 list\n"
        "db is stopped\n"
        "2 of 3\n"
    )


@pytest.mark.parametrize(
    ("status", "said", "line"),
    [
        (Status.UNCHANGED, "web is already running", "web is already running"),
        (Status.UNCHANGED, "web is running · i-1", "web is running · i-1 · unchanged"),
        (Status.UNCHANGED, "web is unchanged", "web is unchanged"),
        (Status.UNCHANGED, "", "web · unchanged"),
        (Status.PLANNED, "", "web would be changed"),
        (Status.PLANNED, "would create web", "would create web"),
        (Status.SUCCEEDED, "", "web is done"),
    ],
)
def test_what_is_said_of_a_target(status: Status, said: str, line: str) -> None:
    outcome = Outcome(rows=(created(status=status, said=said, notes=()),), many=False)
    assert written(outcome, "start") == (line + "\n", "")


def test_a_target_without_a_name() -> None:
    nameless = Outcome(rows=(Result(None, "i-1", Status.SUCCEEDED), Result(None, None, Status.SUCCEEDED)))
    assert written(nameless)[0] == "i-1 is done\nit is done\n"


def test_the_json_of_a_change() -> None:
    out, err = written(Outcome(rows=(created(),), many=False), "create", format="json", where=AWS)
    row = json.loads(out)
    assert tuple(row) == MUTATION_KEYS[:-1]
    assert {key: row[key] for key in MUTATION_KEYS[:-3]} == {
        "schema": 1,
        "action": "create",
        "resource": "instance",
        "id": "i-0c1d2e3f4a5b6c7d8",
        "name": "web",
        "status": "succeeded",
        "target": "aws",
        "account": "123456789012",
        "region": "eu-west-1",
        "request": "r-1",
    }
    assert row["current"]["state"] == "running"
    assert err == ""


def test_the_json_of_many_is_an_array_even_of_one() -> None:
    error = WrongState("web is starting.")
    out, err = written(Outcome(rows=(Result.failed("web", error),), failures=(error,)), "stop", format="json")
    assert [row["error"]["code"] for row in json.loads(out)] == ["wrong_state"]
    assert err == ""
    both = Outcome(rows=(created(), created()), many=False)
    assert len(json.loads(written(both, "create", format="json")[0])) == 2


def test_the_csv_of_a_change_has_a_column_for_errors() -> None:
    outcome = Outcome(rows=(created(), Result.failed("api", NotFound("no api"))))
    rows = list(csv.DictReader(io.StringIO(written(outcome, "stop", format="csv")[0], newline="")))
    assert tuple(rows[0]) == MUTATION_KEYS
    assert rows[0]["error"] == ""
    assert json.loads(rows[1]["error"])["code"] == "not_found"


# --- --query


def answer(query: str, **given: Any) -> str:
    return written(listed(), query=query, **given)[0]


def test_scalars_are_bare_lines() -> None:
    assert answer("[].name") == "api\nweb\n"
    assert answer("[0].name") == "api\n"
    assert answer("length(@)") == "2\n"
    assert answer("[].managed") == "true\ntrue\n"
    assert answer("[0].[name, public_ip]") == "api\n\n"
    assert answer("[0].name", format="json") == "api\n"


def test_null_is_nothing() -> None:
    assert answer("nope") == ""
    assert answer("[0].public_ip") == ""
    assert answer("[].nope") == ""
    assert answer("nope", format="csv", explicit=True) == ""
    assert answer("nope", format="json", explicit=True) == "null\n"


def test_a_format_that_was_asked_for_is_kept() -> None:
    assert answer("[].name", format="json", explicit=True) == '[\n  "api",\n  "web"\n]\n'
    assert answer("[0].name", format="yaml", explicit=True) == "api\n"
    assert answer("[].name", format="csv", explicit=True) == "api\r\nweb\r\n"
    assert answer("[].name", format="table", explicit=True) == "api\nweb\n"


def test_objects_and_lists_in_every_format() -> None:
    pick = "[].{name: name, public_ip: public_ip}"
    assert answer(pick) == "NAME  PUBLIC IP\napi   -\nweb   -\n"
    assert answer(pick, format="csv") == "name,public_ip\r\napi,\r\nweb,\r\n"
    assert json.loads(answer(pick, format="json")) == [
        {"name": "api", "public_ip": None},
        {"name": "web", "public_ip": None},
    ]
    assert answer("[].[name, state]") == "api  pending\nweb  running\n"
    assert answer("[0].{n: name}") == "N\napi\n"
    assert answer("[]", format="csv", explicit=True).startswith("id,")
    assert answer("[?name=='x']", format="csv", explicit=True) == ""


def test_a_query_looks_into_changes_and_objects() -> None:
    assert written(Outcome(rows=(created(),), many=False), "create", query="current.id")[0] == "i-0c1d2e3f4a5b6c7d8\n"


def test_a_summary_is_no_part_of_an_answer() -> None:
    assert written(listed(), query="[].name")[1] == ""


# --- safety and weight


@given(st.text(st.characters(), max_size=20), st.sampled_from(["table", "json", "yaml", "csv"]))
def test_no_control_character_reaches_the_output(text: str, form: str) -> None:
    listing = Outcome(rows=(instance(name=text, tags={text: text}, image=text),), columns=Instance.COLUMNS)
    change = Outcome(rows=(created(name=text, said=text, notes=((text, text),)),), summary=text)
    shown = Outcome(rows=({text: text},), many=False, summary=text)
    for outcome in (listing, change, shown):
        out, err = written(outcome, format=form)
        assert not CONTROL.search((out + err).replace("\r\n", "").replace("\n", ""))
        raw, _ = written(outcome, query="@ | [0].name || name")
        assert not CONTROL.search(raw.replace("\n", ""))


def test_a_broken_pipe_is_the_doors_to_handle() -> None:
    class Closed(io.StringIO):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        written(listed(), out=Closed())


def test_a_plain_command_loads_no_format_that_it_does_not_write() -> None:
    program = (
        "import sys, handrail.output.result\n"
        "print(sorted({'yaml', 'jmespath', 'rich', 'botocore', 'csv', 'handrail.output.reference'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
