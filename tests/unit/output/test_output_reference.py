"""The generated reference pages."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from handrail.core.errors import HandrailError
from handrail.core.fields import Parameters, Type, flag, number, text, texts
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Outcome
from handrail.core.resources import Instance, Resource
from handrail.output.reference import (
    command_section,
    commands_page,
    errors_page,
    policy_page,
    settings_page,
    shapes_page,
    synopsis,
    type_words,
)


def nothing(session: Any, values: Parameters) -> Outcome:
    return Outcome()


class Asked(Parameters):
    targets = texts("Names or ids.", positional=True, metavar="TARGET", required=True)
    image = text("What to | boot <from>.", aliases=("ami",), default="amazon-linux")
    count = number("How many.", minimum=1, maximum=20, default=1)
    size = number("GiB.", minimum=8)
    state = texts("Which.", type=Type.CHOICE, choices=("running", "stopped"))
    public = flag("Open.", negative="private")


STOP = Operation(
    resource="ec2",
    verb="stop",
    help="Stop instances.",
    example="handrail ec2 stop web",
    effect=Effect.CHANGE,
    handler=nothing,
    parameters=Asked,
    permissions=("ec2:StopInstances", "ec2:DescribeInstances"),
    aliases=("halt",),
)
STATUS = Operation("", "status", "Say how things are.", "handrail status", Effect.READ, nothing)


def test_one_command() -> None:
    assert command_section(STOP) == (
        "### `ec2 stop`\n\n"
        "Stop instances.\n\n"
        "```\nhandrail ec2 stop TARGET... [OPTIONS]\n```\n\n"
        "Also: `halt`.\n\n"
        "| Option | Value | Default | Meaning |\n"
        "| --- | --- | --- | --- |\n"
        "| `TARGET` | text, many | required | Names or ids. |\n"
        "| `--image`, `--ami` | text | `amazon-linux` | What to \\| boot &lt;from>. |\n"
        "| `--count` | number, 1 to 20 | `1` | How many. |\n"
        "| `--size` | number, 8 or more |  | GiB. |\n"
        "| `--state` | running or stopped, many |  | Which. |\n"
        "| `--public`, `--private` | flag |  | Open. |\n\n"
        "Example:\n\n```\nhandrail ec2 stop web\n```\n\n"
        "- Effect: changes something in AWS; `--dry-run` shows what, and changes nothing.\n"
        "- IAM permissions: `ec2:StopInstances`, `ec2:DescribeInstances`."
    )


def test_synopsis_shows_what_is_required() -> None:
    class Put(Parameters):
        key = text("k", positional=True)
        file = text("f", type=Type.FILE, required=True)
        owner = text("o", required=True)

    operation = Operation("s3", "put", "Put.", "handrail s3 put", Effect.CHANGE, nothing, parameters=Put)
    assert synopsis(operation) == "handrail s3 put [KEY] --file FILE --owner OWNER"


def test_all_commands_by_resource() -> None:
    page = commands_page([STATUS, STOP])
    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert headings == ["# Commands", "## `handrail`", "### `status`", "## `handrail ec2`", "### `ec2 stop`"]
    assert "- Effect: changes nothing in AWS.\n- IAM permissions: none." in page
    assert page == commands_page([STATUS, STOP])
    assert page.endswith(".\n")


def test_the_errors_page_knows_the_tree_and_nobody_elses_errors() -> None:
    class Foreign(HandrailError):
        """Of a test."""

    page = errors_page()
    assert "| `0` | Done, or already so. |" in page
    assert "| `6` | A question was answered with no, or could not be asked. |" in page
    assert "| Refused | `refused` | `3` | The policy says no;" in page
    assert "| &nbsp;&nbsp;CapReached | `cap_reached` | `3` |" in page
    assert Foreign.__name__ not in page


def test_policy_and_settings_pages() -> None:
    page = policy_page([("ec2.types", "list", "t3.nano", "", "What <may> run.", "both")]).splitlines()
    assert "| `ec2.types` | list | `t3.nano` |  | What &lt;may> run. |" in page
    assert page[-1] == "| `ec2.types` | both |"
    assert settings_page([("--yes", "HANDRAIL_YES", "", "Answer yes.")]).splitlines()[-1] == (
        "| `--yes` | `HANDRAIL_YES` |  | Answer yes. |"
    )


@dataclass(frozen=True)
class Shape(Resource):
    """A shape. More is not shown."""

    KIND = "shape"

    at: datetime | None
    parts: tuple[str, ...]
    tags: dict[str, int]
    ok: bool
    inner: Instance
    any: Any
    secret: str = field(default="", metadata={"private": True})


def test_shapes() -> None:
    page = shapes_page([Shape])
    assert page.endswith(
        "## shape\n\n"
        "A shape. More is not shown.\n\n"
        "| Key | Type |\n"
        "| --- | --- |\n"
        "| `at` | time (ISO 8601, UTC) or null |\n"
        "| `parts` | list of text |\n"
        "| `tags` | object of whole number |\n"
        "| `ok` | true or false |\n"
        "| `inner` | object |\n"
        "| `any` | any |\n"
    )
    assert "`schema`, `action`, `resource`" in page
    assert "client_token" not in shapes_page([Instance])
    assert type_words(float) == "number"
