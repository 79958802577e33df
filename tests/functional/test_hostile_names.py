"""Every line that is printed to be pasted is what it says, whatever others have written into names, keys and paths."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import Handrail, Sandbox
from handrail.core.operation import Operation
from handrail.doors.commands import parse
from handrail.doors.request import Request

BASH = shutil.which("bash") or "/bin/bash"
HOSTILE = (
    "my web; id", "--all", "$(id)", "`id`", "it's", 'a"b', "a\nb", "-", "*", "~", "#x", "\u202egnp", "a,b", "\x1b[2J",
    "i-0123456789abcdef0", "web && id", "-y", "=ls",
)  # fmt: skip


def words_of(line: str) -> list[str]:
    """Return the words of a line as a shell reads them; it must be one command and run nothing else."""
    script = f"handrail() {{ printf '%s\\0' \"$@\"; }}; set -f; {line}"
    read = subprocess.run([BASH, "-c", script], capture_output=True, check=True, env={"PATH": ""})
    assert not read.stderr
    return [one.decode("utf-8", "surrogateescape") for one in read.stdout.split(b"\0")[:-1]]


def lines_in(text: str) -> Iterator[str]:
    """Yield the command lines of a text for people: from the word handrail to the end of the line or of the part."""
    for line in text.splitlines():
        for part in line.split(" · "):
            found = re.search(r"(?:^|\s)(handrail (?:ec2|s3|lease|audit|policy|use|init)\b.*)", part)
            if found:
                yield found[1]


def read_back(text: str) -> list[tuple[Operation, dict[str, object]]]:
    """Return what the printed lines of a text say to the real parser."""
    typed = [parse(words_of(line)) for line in lines_in(text)]
    return [(one.operation, dict(one.values)) for one in typed]


@pytest.fixture
def operator(handrail: Handrail) -> Handrail:
    """Return the program under a policy that lets it work on every instance."""
    path = handrail.cwd / "open.toml"
    path.write_text('preset = "open"\n', encoding="utf-8")
    handrail.environ["HANDRAIL_POLICY"] = str(path)
    return handrail


def test_names_that_others_gave_to_instances(operator: Handrail, sandbox: Sandbox) -> None:
    operator.ok("ec2", "create", "--name", "web")
    (id,) = sandbox.instances(state="pending,running")
    ec2 = sandbox.client("ec2")
    for name in (one for one in HOSTILE if "\x1b" not in one):  # which no XML can hold
        ec2.create_tags(Resources=[id], Tags=[{"Key": "Name", "Value": name}])
        said = operator.ok("ec2", "show", id).out + operator("ec2", "start", id).out
        said += operator("ec2", "update", id, "--type", "t3.micro").err
        told = read_back(said)
        assert told, said
        for operation, values in told:
            assert operation.verb in ("stop", "show", "wait")
            assert values["targets" if "targets" in values else "target"] in ((id,), id)


def test_a_name_that_is_only_a_name_stays_one(operator: Handrail, sandbox: Sandbox) -> None:
    assert "next      handrail ec2 stop web-1\n" in operator.ok("ec2", "create", "--name", "web-1").out


def test_refused_lines_come_back_as_they_were_typed(handrail: Handrail) -> None:
    for word in (one for one in HOSTILE if one != "-"):
        done = handrail("ec2", "create", "--name", "web", f"--key-pair={word}", "--type", "t3.large", "-o", "json")
        assert done.code == 3, done.err
        (typed,) = read_back(done.error["hint"])
        assert typed[1]["key_pair"] == word
        assert typed[1]["type"] == "t3.nano"


@pytest.mark.parametrize("word", [one for one in HOSTILE if one not in ("-", "a,b")])
def test_a_refused_target_never_becomes_an_option(word: str) -> None:
    typed = parse(["s3", "remove", "press", "--prefix=x", "--", word])
    raw = {"bucket": "press", "keys": (word,), "prefix": "-x"}
    again = parse(words_of(str(Request(typed.operation, raw, {"yes": True}).line)))
    assert again.values["keys"] == (word,)
    assert again.values["prefix"] == "-x"
    assert again.flags == {"yes": True}


def test_keys_and_paths(handrail: Handrail, unique: Callable[[str], str]) -> None:
    bucket = unique("press")
    handrail.ok("s3", "create", bucket)
    for word in (one for one in HOSTILE if one not in ("-",)):
        done = handrail("s3", "remove", bucket, "--yes", "-o", "json", "--", word)
        assert done.code == 4
        ((operation, values),) = read_back(done.json[0]["error"]["hint"])
        assert (operation.name, values["bucket"]) == ("s3 objects", bucket)


def test_versions_whose_keys_speak_to_a_terminal(
    handrail: Handrail, sandbox: Sandbox, unique: Callable[[str], str]
) -> None:
    bucket = unique("press")
    handrail.ok("s3", "create", bucket, "--versioning")
    for key in ("a\x1b[31mb", "a\x08/c"):
        sandbox.client("s3").put_object(Bucket=bucket, Key=key, Body=b"x")
    shown = handrail.ok("s3", "objects", bucket)
    assert "a\\x1b[31mb" in shown.out
    handrail.ok("s3", "show", bucket)
    handrail.ok("s3", "delete", bucket, "--empty", "--yes")


def test_files_that_are_named(handrail: Handrail) -> None:
    for word in (one for one in HOSTILE if one != "-"):
        done = handrail.ok("policy", "init", f"--file={word}", "--yes")
        found = [words_of(line) for line in lines_in(done.out.replace("edit it, then: ", ""))]
        assert [f"--policy={word}"] == found[0][2:] or ["--policy", word] == found[0][2:]
        assert (handrail.cwd / word).exists()
        done = handrail.ok("audit", "anchor", "--yes", "--", word)
        ((operation, values),) = read_back(done.out)
        assert (operation.name, values["since_anchor"]) == ("audit verify", word)


def test_a_folder_in_the_place_of_a_file(handrail: Handrail) -> None:
    for word in (one for one in HOSTILE if one not in ("-", "~")):
        (handrail.cwd / word).mkdir()
        done = handrail("policy", "init", f"--file={word}", "-o", "json")
        ((_, values),) = read_back(done.error["hint"])
        assert values["file"] == str(handrail.cwd / word / "handrail.toml")
        named = handrail("ec2", "list", f"--policy={word}", "-o", "json")
        assert named.code == 2
        line = re.search(r"take it away: (rmdir .*?) · or ", named.error["hint"])
        assert line is not None
        read = subprocess.run(["bash", "-c", line[1]], capture_output=True)
        assert (read.returncode, read.stderr) == (0, b"")
        assert not Path(handrail.cwd / word).exists()


def test_owners(handrail: Handrail, sandbox: Sandbox) -> None:
    for word in ("it's", "a;id", "-y"):
        other = handrail.owner(word)
        made = other.json("ec2", "create", "--name", "web")
        whose = made["current"]["owner"]
        done = handrail("ec2", "stop", "web", "--yes", "-o", "json")
        assert done.code == 6
        line = done.error["hint"].partition("--owner")
        found = words_of(f"handrail --owner{line[2]}")
        assert found in (["--owner", whose], [f"--owner={whose}"])
        other.ok("ec2", "delete", "web", "--yes")
