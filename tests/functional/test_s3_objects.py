"""Uploading, listing, removing and deleting, as a foreign client sees it."""

import base64
import io
import os
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from conftest import Handrail, Hesitant, Sandbox
from handrail.doors.cli import run_program
from handrail.doors.request import Surroundings

MIB = 1 << 20
Unique = Callable[[str], str]


@pytest.fixture
def s3(sandbox: Sandbox) -> Any:
    """Return a stranger's client."""
    return sandbox.client("s3")


@pytest.fixture
def bucket(handrail: Handrail, unique: Unique) -> str:
    """Return a private bucket of dev-1."""
    name = unique("files")
    handrail.ok("s3", "create", name)
    return name


def body_of(s3: Any, bucket: str, key: str) -> bytes:
    """Return an object's bytes as a stranger reads them."""
    data: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return data


def keys_of(s3: Any, bucket: str) -> list[str]:
    """Return the keys in a bucket."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [one["Key"] for page in pages for one in page.get("Contents", ())]


def crc_of(data: bytes) -> str:
    """Return a CRC32 as S3 writes it."""
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def write(path: Path, data: bytes | str = "x") -> Path:
    """Write a file, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_files_and_folders_arrive_under_the_keys_of_aws_s3_cp(handrail: Handrail, s3: Any, bucket: str) -> None:
    work = handrail.cwd
    write(work / "one" / "notes.txt", "hello")
    write(work / "site" / "index.html", "<p>")
    write(work / "site" / "css" / "a b:ü.css", "b{}")
    write(work / "site" / "empty", "")
    (work / "site" / "nothing").mkdir()
    inside = Handrail(handrail.environ, work / "one")
    rows = inside.json("s3", "upload", bucket, "notes.txt", "../site", "--prefix", "v1-")
    assert [row["status"] for row in rows] == ["succeeded", "succeeded"]
    assert keys_of(s3, bucket) == ["v1-css/a b:ü.css", "v1-empty", "v1-index.html", "v1-notes.txt"]
    assert body_of(s3, bucket, "v1-css/a b:ü.css") == b"b{}"
    assert body_of(s3, bucket, "v1-empty") == b""
    assert s3.head_object(Bucket=bucket, Key="v1-index.html")["ContentType"] == "text/html"
    report = rows[0]["current"]
    assert report["objects"] == [
        {"path": "notes.txt", "key": "v1-notes.txt", "size": 5, "status": "uploaded", "crc32": crc_of(b"hello")}
    ]
    assert (rows[1]["current"]["uploaded"], rows[1]["current"]["bytes"]) == (3, 6)


def test_the_same_again_is_unchanged_and_other_content_needs_overwrite(
    handrail: Handrail, sandbox: Sandbox, s3: Any, bucket: str
) -> None:
    write(handrail.cwd / "d" / "a.txt", "one")
    write(handrail.cwd / "d" / "b.txt", "two")
    done = handrail.ok("s3", "upload", bucket, "d")
    assert done.out == f"2 files uploaded to {bucket} · 6 B · checksums match\n"
    before = sandbox.writes()
    assert handrail.ok("s3", "upload", bucket, "d").out == "2 files were there already\n"
    assert sandbox.writes() == before
    done = handrail.ok("s3", "upload", bucket, "d/a.txt")
    assert done.out == f"a.txt was there already: unchanged in {bucket} · 3 B · CRC32 {crc_of(b'one')}\n"

    write(handrail.cwd / "d" / "a.txt", "ONE")
    write(handrail.cwd / "d" / "b.txt", "longer")
    write(handrail.cwd / "d" / "c.txt", "new")
    done = handrail("s3", "upload", bucket, "d", "-o", "json")
    assert done.code == 8
    assert done.json[0]["current"]["uploaded"] == 1
    assert body_of(s3, bucket, "a.txt") == b"one"
    done = handrail("s3", "upload", bucket, "d/a.txt", "-o", "json")
    assert (done.code, done.error["code"]) == (5, "conflict")
    done = handrail.ok("s3", "upload", bucket, "d", "--overwrite")
    assert done.out == f"2 files uploaded to {bucket} · 9 B · checksums match · 1 file was there already\n"
    assert (body_of(s3, bucket, "a.txt"), body_of(s3, bucket, "b.txt")) == (b"ONE", b"longer")


def test_an_object_without_a_checksum_to_compare_is_not_taken_for_the_same(
    handrail: Handrail, s3: Any, bucket: str
) -> None:
    write(handrail.cwd / "a.txt", "one")
    s3.put_object(Bucket=bucket, Key="a.txt", Body=b"one", ChecksumAlgorithm="SHA256")
    assert handrail("s3", "upload", bucket, "a.txt").code == 5
    handrail.ok("s3", "upload", bucket, "a.txt", "--overwrite", "--content-type", "text/x-own")
    assert s3.head_object(Bucket=bucket, Key="a.txt")["ContentType"] == "text/x-own"


def test_a_large_file_goes_in_parts_and_is_proved_whole(handrail: Handrail, s3: Any, bucket: str) -> None:
    data = os.urandom(17 * MIB + 5)
    write(handrail.cwd / "big.bin", data)
    done = handrail.ok("s3", "upload", bucket, "big.bin", answers="")
    assert f"CRC32 {crc_of(data)}" in done.out
    assert "MiB/s" in done.err
    assert body_of(s3, bucket, "big.bin") == data
    head = s3.head_object(Bucket=bucket, Key="big.bin", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC32"], head["ChecksumType"]) == (crc_of(data), "FULL_OBJECT")
    assert handrail.json("s3", "upload", bucket, "big.bin")[0]["status"] == "unchanged"


@pytest.mark.parametrize("size", [0, 5, 8 * MIB, 8 * MIB + 1, 80 * MIB])
def test_standard_input_of_any_size(handrail: Handrail, s3: Any, bucket: str, size: int) -> None:
    data = (os.urandom(MIB) * (size // MIB + 1))[:size]
    rows = handrail.piped(data).json("s3", "upload", bucket, "-", "--key", "in/x.html", "--prefix", "p-")
    assert rows[0]["current"]["objects"][0] == {
        "path": "-", "key": "p-in/x.html", "size": len(data), "status": "uploaded", "crc32": crc_of(data)
    }  # fmt: skip
    assert body_of(s3, bucket, "p-in/x.html") == data
    if size > 9 * MIB:
        return
    assert handrail.piped(data).json("s3", "upload", bucket, "-", "--key", "p-in/x.html")[0]["status"] == "unchanged"
    assert handrail.piped(data + b"!")("s3", "upload", bucket, "-", "--key", "p-in/x.html").code == 5
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_what_cannot_go_is_listed_and_the_rest_goes(handrail: Handrail, s3: Any, bucket: str) -> None:
    tree = handrail.cwd / "tree"
    write(tree / "good.txt", "good")
    write(tree / "sub" / "deep.txt", "deep")
    (tree / "sub" / "loop").symlink_to(tree)
    (tree / "broken").symlink_to(tree / "nowhere")
    (tree / "self").symlink_to(tree / "self")
    (tree / "linked").symlink_to(tree / "good.txt")
    os.mkfifo(tree / "pipe")
    write(tree / ("x" * 250) / ("y" * 250) / ("z" * 250) / ("w" * 250) / ("v" * 30), "long")
    write(Path(os.fsdecode(os.fsencode(tree) + b"/not-\xff-utf8")), "bytes")
    done = handrail("s3", "upload", bucket, "tree", "-o", "json")
    assert done.code == 8
    assert done.error["details"]["errors"]
    assert keys_of(s3, bucket) == ["good.txt", "linked", "sub/deep.txt"]
    failed = {row["path"]: row["error"]["message"] for row in done.json[0]["current"]["objects"] if "error" in row}
    assert "above it" in failed["tree/sub/loop"]
    assert "can't be read" in failed["tree/broken"]
    assert "can't be read" in failed["tree/self"]
    assert "is not a file" in failed["tree/pipe"]
    assert len(failed) == 6
    spoken = handrail("s3", "upload", bucket, "tree")
    assert spoken.code == 8
    assert "6 of 9 files in tree are not in" in spoken.err
    excluded = ("--exclude", "sub/loop", "--exclude", "broken", "--exclude", "self", "--exclude", "pipe")
    left = ("--exclude", "x*", "--exclude", "not-*")
    assert handrail("s3", "upload", bucket, "tree", *excluded, *left).code == 0
    only = handrail.json("s3", "upload", bucket, "tree", "--include", "sub/d*", "--prefix", "again/")
    assert only[0]["current"]["files"] == 1


def test_paths_that_are_not_there(handrail: Handrail, s3: Any, bucket: str) -> None:
    write(handrail.cwd / "a.txt")
    write(handrail.cwd / "b" / "a.txt")
    (handrail.cwd / "empty").mkdir()
    assert handrail("s3", "upload", bucket, "nowhere").code == 4
    done = handrail("s3", "upload", bucket, "nowhere", "a.txt", "b/a.txt", "-o", "json")
    assert done.code == 8
    assert [row["status"] for row in done.json] == ["failed", "succeeded", "failed"]
    assert "would get the key of" in done.json[2]["error"]["message"]
    assert "nothing to upload" in handrail.ok("s3", "upload", bucket, "empty").out
    assert handrail.json("s3", "upload", bucket, "a.txt", "--exclude", "*.txt")[0]["status"] == "unchanged"
    many = handrail.cwd / "many"
    many.mkdir()
    for number in range(25):
        (many / f"link-{number}").symlink_to("nowhere")
    done = handrail("s3", "upload", bucket, "many")
    assert (done.code, "and 5 more" in done.err) == (5, True)
    assert handrail("s3", "upload", "no-such-bucket-anywhere", "a.txt").code == 4


def test_secrets_never_go_to_a_public_bucket(handrail: Handrail, sandbox: Sandbox, s3: Any, unique: Unique) -> None:
    name = unique("press")
    handrail.ok("s3", "create", name, "--public", "--yes")
    site = handrail.cwd / "site"
    write(site / "index.html")
    write(site / ".env")
    write(handrail.cwd / "keys" / "id_rsa")
    (site / "innocent.txt").symlink_to(handrail.cwd / "keys" / "id_rsa")
    before = sandbox.writes()
    done = handrail("s3", "upload", name, "site", "-o", "json")
    assert done.code == 3
    messages = {one["message"].partition(" looks")[0] for one in done.error["details"]["reasons"]}
    real = os.path.realpath(handrail.cwd / "keys" / "id_rsa")
    assert messages == {"site/.env", f"site/innocent.txt, which is {real},"}, "one reason per file"
    said = handrail("s3", "upload", name, "site").err
    assert (said.count("\n  refused"), said.count("\n  rule")) == (2, 1)
    only = handrail("s3", "upload", name, "site/innocent.txt", "--prefix", ".ssh/")
    assert "site/innocent.txt, which gets the key .ssh/innocent.txt, looks like a secret" in " ".join(only.err.split())
    inside = Handrail(handrail.environ, site)
    assert "error: .env looks like a secret" in inside("s3", "upload", name, ".env").err
    assert sandbox.writes() == before
    handrail.ok("s3", "upload", name, "site", "--exclude", ".env", "--exclude", "innocent.txt")
    assert keys_of(s3, name) == ["index.html"]


PRIVATE_KEY = b"\xef\xbb\xbf\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n"


def test_a_private_key_under_any_name_never_goes_to_a_public_bucket(
    handrail: Handrail, sandbox: Sandbox, s3: Any, unique: Unique
) -> None:
    name = unique("press")
    handrail.ok("s3", "create", name, "--public", "--yes")
    site = handrail.cwd / "site"
    write(site / "index.html")
    (site / "holiday.jpg").write_bytes(PRIVATE_KEY)
    before = sandbox.writes()
    done = handrail("s3", "upload", name, "site", "-o", "json")
    assert done.code == 3
    said = [one["message"].partition(" looks")[0] for one in done.error["details"]["reasons"]]
    assert said == ["site/holiday.jpg, which begins like a private key,"]
    assert sandbox.writes() == before
    piped = handrail.piped(PRIVATE_KEY)("s3", "upload", name, "-", "--key", "a.txt")
    assert (piped.code, "-, which begins like a private key, looks like a secret" in piped.err) == (3, True), piped.err
    assert keys_of(s3, name) == []
    long = b"no key " * 300
    handrail.piped(long).ok("s3", "upload", name, "-", "--key", "a.txt")
    assert body_of(s3, name, "a.txt") == long
    (handrail.cwd / "handrail.toml").write_text("[s3]\nsecret_files = []\n")
    off = handrail("s3", "upload", name, "site", "--policy", "handrail.toml")
    assert off.code == 0, off.err


def test_a_bucket_that_becomes_public_while_a_question_stands_gets_no_secrets(
    handrail: Handrail, sandbox: Sandbox, s3: Any, bucket: str
) -> None:
    write(handrail.cwd / ".env")
    before = []

    def open_it() -> None:
        handrail.ok("s3", "update", bucket, "--public", "--yes")
        before.extend(sandbox.writes())

    done = handrail.owner("dev-2")("s3", "upload", bucket, ".env", answers=Hesitant("y\n", open_it))
    assert (done.code, "looks like a secret" in done.err) == (3, True)
    assert sandbox.writes() == before
    assert keys_of(s3, bucket) == []
    row = handrail.json("audit", "list")[-1]
    assert (row["operation"], row["resource"], row["result"]) == ("s3 upload", f"{bucket}/.env", "refused")


def test_results_and_the_record_name_bucket_and_key(handrail: Handrail, s3: Any, bucket: str) -> None:
    write(handrail.cwd / "site" / "index.html")
    uploaded = handrail("s3", "upload", bucket, "site", "nowhere", "-o", "json").json
    write(handrail.cwd / "site" / "index.html", "new")
    uploaded += handrail.json("s3", "upload", bucket, "site/index.html", "--overwrite")
    assert [(row["name"], row["id"]) for row in uploaded] == [
        ("site", f"{bucket}/site"),
        ("nowhere", f"{bucket}/nowhere"),
        ("site/index.html", f"{bucket}/index.html"),
    ]
    row = handrail.piped(b"x").json("s3", "upload", bucket, "-", "--key", "in", "--prefix", "p/")[0]
    assert (row["name"], row["id"]) == ("-", f"{bucket}/p/in")
    removed = handrail("s3", "remove", bucket, "index.html", "p/none", "--yes", "-o", "json").json
    assert [(row["name"], row["id"]) for row in removed] == [
        ("index.html", f"{bucket}/index.html"),
        ("p/none", f"{bucket}/p/none"),
    ]
    row = handrail.json("s3", "remove", bucket, "--prefix", "p/", "--yes")[0]
    assert (row["name"], row["id"]) == ("p/", f"{bucket}/p/")
    recorded = {
        (one["operation"], one["resource"]) for one in handrail.json("audit", "list") if bucket in one["resource"]
    }
    assert recorded == {
        ("s3 create", bucket),
        ("s3 upload", f"{bucket}/site"),
        ("s3 upload", f"{bucket}/nowhere"),
        ("s3 upload", f"{bucket}/p/in"),
        ("s3 remove", f"{bucket}/index.html"),
        ("s3 remove", f"{bucket}/p/none"),
        ("s3 remove", f"{bucket}/p/"),
        ("s3 upload", f"{bucket}/index.html"),
    }


def test_another_owners_bucket_is_named_in_the_question(handrail: Handrail, s3: Any, bucket: str) -> None:
    write(handrail.cwd / "a.txt")
    theirs = handrail.owner("dev-2")
    asked = theirs("s3", "upload", bucket, "a.txt", answers="n\n")
    assert asked.code == 6
    assert f"{bucket} belongs to dev-1, not to you." in asked.err.splitlines()
    assert "Upload to it anyway? [y/N]" in asked.err
    assert theirs("s3", "upload", bucket, "a.txt", "--yes").code == 6
    theirs.ok("s3", "upload", bucket, "a.txt", "--yes", "--owner", "dev-1")
    asked = theirs("s3", "remove", bucket, "a.txt", answers="n\n")
    assert f"{bucket} belongs to dev-1, not to you. This removes 1 object" in " ".join(asked.err.split())
    assert keys_of(s3, bucket) == ["a.txt"]


def test_closed_standard_input_is_a_fault_of_the_command(handrail: Handrail, sandbox: Sandbox, bucket: str) -> None:
    before, err = sandbox.writes(), io.StringIO()
    with Path(os.devnull).open(encoding="utf-8") as nothing:
        around = Surroundings(nothing, io.StringIO(), err, handrail.environ, handrail.cwd)
        code = run_program(["s3", "upload", bucket, "-", "--key", "k"], around)
    assert (code, "standard input is closed" in err.getvalue()) == (2, True)
    assert sandbox.writes() == before


def test_empty_folders_are_said(handrail: Handrail, bucket: str) -> None:
    write(handrail.cwd / "site" / "a.txt")
    (handrail.cwd / "site" / "void").mkdir()
    done = handrail.ok("s3", "upload", bucket, "site")
    assert "left out 1 empty folder: S3 keeps files only" in " ".join(done.out.split())
    again = handrail.json("s3", "upload", bucket, "site")[0]
    assert (again["status"], again["current"]["empty_folders"]) == ("unchanged", 1)


def test_a_prefix_that_no_key_can_have_is_at_fault_itself(handrail: Handrail, bucket: str) -> None:
    write(handrail.cwd / "a.txt")
    for prefix, reason in (("../", "leads out of the bucket"), ("x" * 1024, "1,025 bytes"), ("\x01", "control")):
        done = handrail("s3", "upload", bucket, "a.txt", "--prefix", prefix)
        assert done.code == 2
        assert "no object key can begin with" in done.err
        assert reason in " ".join(done.err.split())
        assert "--exclude" not in done.err


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="no files without a size here")
def test_a_file_whose_size_is_not_known_is_refused_with_the_line_that_works(
    handrail: Handrail, s3: Any, bucket: str
) -> None:
    done = handrail("s3", "upload", bucket, "/proc/cpuinfo")
    assert done.code == 5
    assert f"cat /proc/cpuinfo | handrail s3 upload {bucket} - --key cpuinfo" in done.err
    s3.put_object(Bucket=bucket, Key="cpuinfo", Body=b"", ChecksumAlgorithm="CRC32")
    assert handrail("s3", "upload", bucket, "/proc/cpuinfo").code == 5, "and an empty object is not the same"
    assert body_of(s3, bucket, "cpuinfo") == b""


def test_keys_with_control_characters_are_not_made_and_can_be_removed(handrail: Handrail, s3: Any, bucket: str) -> None:
    write(handrail.cwd / "d" / "ctl\x01x")
    write(handrail.cwd / "d" / "fine")
    done = handrail("s3", "upload", bucket, "d")
    assert (done.code, "has a control character" in done.err) == (8, True)
    assert handrail("s3", "upload", bucket, "-", "--key", "ctl\x01x").code == 2
    for key in ("ctl\x01x", "p/\x01", "p/a", "q\x02"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    handrail.ok("s3", "remove", bucket, "ctl\x01x", "fine", "--yes")
    handrail.ok("s3", "remove", bucket, "--prefix", "p/", "--yes")
    assert keys_of(s3, bucket) == ["q\x02"]


def test_a_prefix_of_more_objects_than_one_call_takes(
    handrail: Handrail, sandbox: Sandbox, s3: Any, bucket: str
) -> None:
    def put(number: int) -> None:
        s3.put_object(Bucket=bucket, Key=f"logs/{number:04d}", Body=b"1")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(2_100)))
    s3.put_object(Bucket=bucket, Key="logs", Body=b"1")
    before = len(sandbox.writes())
    done = handrail.ok("s3", "remove", bucket, "--prefix", "logs/", answers="y\n")
    assert "2,100 objects removed" in done.out
    assert "This removes 2,100 objects · 2.1 KiB" in done.err
    assert "1,000 of 2,100 objects removed" in done.err
    assert keys_of(s3, bucket) == ["logs"]
    assert [action for _, action in sandbox.writes()[before:]].count("s3:DeleteObjects") == 3


def test_objects_are_listed_by_prefix(handrail: Handrail, s3: Any, bucket: str) -> None:
    for key in ("a/1", "a/2", "b"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"12")
    assert [row["key"] for row in handrail.json("s3", "objects", bucket)] == ["a/1", "a/2", "b"]
    rows = handrail.json("s3", "objects", bucket, "a/")
    assert [(row["key"], row["size"]) for row in rows] == [("a/1", 2), ("a/2", 2)]
    assert "No objects" in handrail.ok("s3", "objects", bucket, "zzz").err
    assert "2 B" in handrail.ok("s3", "objects", bucket).out


def test_objects_are_removed_by_key_and_by_prefix(handrail: Handrail, s3: Any, bucket: str) -> None:
    for key in ("a/1", "a/2", "b,c", "d e"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"12")
    assert handrail("s3", "remove", bucket, "b,c").code == 6
    asked = handrail("s3", "remove", bucket, "b,c", "d e", answers="n\n")
    assert asked.code == 6
    assert "This removes 2 objects · 4 B" in asked.err
    done = handrail("s3", "remove", bucket, "b,c", "nowhere", "--yes", "-o", "json")
    assert (done.code, [row["status"] for row in done.json]) == (8, ["succeeded", "failed"])
    assert handrail("s3", "remove", bucket, "nowhere", "--yes").code == 4
    assert handrail.json("s3", "remove", bucket, "--prefix", "zzz", "--yes")[0]["status"] == "unchanged"
    done = handrail("s3", "remove", bucket, "--prefix", "a/", answers="y\n")
    assert done.code == 0
    assert "2 objects removed" in done.out
    assert keys_of(s3, bucket) == ["d e"]
    for number in range(21):
        s3.put_object(Bucket=bucket, Key=f"n/{number}", Body=b"")
    assert "the first 20" in handrail("s3", "remove", bucket, "--prefix", "n/", answers="n\n").err


def test_versions_stay_when_an_object_is_removed_and_go_with_the_bucket(
    handrail: Handrail, s3: Any, unique: Unique
) -> None:
    name = unique("kept")
    handrail.ok("s3", "create", name, "--versioning")
    write(handrail.cwd / "a.txt", "one")
    made = handrail.json("s3", "upload", name, "a.txt")
    assert made[0]["current"]["objects"][0]["version"]
    done = handrail("s3", "remove", name, "a.txt", answers="y\n")
    assert "older versions stay" in done.err
    assert len(s3.list_object_versions(Bucket=name)["Versions"]) == 1
    refused = handrail("s3", "delete", name, "--yes", "-o", "json")
    assert (refused.code, refused.error["details"]["versions"]) == (5, 2)
    assert [row["current"]["objects"] for row in refused.json] == [None], "what stays is shown as it was looked at"
    shown = handrail.ok("s3", "show", name).out
    assert "2 older versions and delete markers" in shown
    done = handrail("s3", "delete", name, "--empty", answers="n\n")
    assert done.code == 6
    assert "2 older versions" in done.err
    done = handrail("s3", "delete", name, "--empty", answers=f"{name}\n")
    assert done.code == 0, done.err
    assert f"{name} is deleted" in done.out


def test_what_is_unfinished_is_shown_and_goes_with_the_bucket(handrail: Handrail, s3: Any, bucket: str) -> None:
    for key in ("a.txt", "other"):
        s3.create_multipart_upload(Bucket=bucket, Key=key)
    shown = handrail.json("s3", "show", bucket)
    assert [one["key"] for one in shown["unfinished"]] == ["a.txt", "other"]
    assert "begun" in handrail.ok("s3", "show", bucket).out
    write(handrail.cwd / "a.txt", "one")
    done = handrail.ok("s3", "upload", bucket, "a.txt")
    assert "an unfinished upload of a.txt was left" in done.err, "somebody began it just now (tests/s3/leftovers)"
    refused = handrail("s3", "delete", bucket, "--yes")
    assert (refused.code, "2 unfinished uploads" in refused.err) == (5, True)
    done = handrail.ok("s3", "delete", bucket, "--empty", "--yes")
    assert "is deleted · 1 object · 3 B · 2 unfinished uploads" in done.out


def test_several_buckets_are_deleted_by_their_number(handrail: Handrail, s3: Any, unique: Unique) -> None:
    names = [unique("d"), unique("d")]
    for name in names:
        handrail.ok("s3", "create", name)
    s3.put_object(Bucket=names[0], Key="a", Body=b"1")
    done = handrail("s3", "delete", *names, answers="y\n")
    assert done.code == 8
    assert "1 object · 1 B" in done.err
    handrail.ok("s3", "create", names[1])
    done = handrail("s3", "delete", *names, "--empty", answers="2\n")
    assert (done.code, "Type how many" in done.err) == (0, True)
    assert handrail("s3", "delete", names[0], "--yes").code == 4


def test_a_foreign_bucket_is_never_touched(handrail: Handrail, sandbox: Sandbox, s3: Any, unique: Unique) -> None:
    mine, plain, copied, remade = unique("mine"), unique("plain"), unique("copied"), unique("remade")
    handrail.ok("s3", "create", mine)
    handrail.ok("s3", "create", remade)
    tags = s3.get_bucket_tagging(Bucket=mine)["TagSet"]
    s3.delete_bucket(Bucket=remade)
    for name in (plain, copied, remade):
        s3.create_bucket(Bucket=name)
        s3.put_object(Bucket=name, Key="a.txt", Body=b"theirs")
    for name in (copied, remade):
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    write(handrail.cwd / "a.txt", "mine")
    before = sandbox.writes()
    changes = (("upload", "a.txt", "--overwrite"), ("update", "--private"), ("remove", "a.txt"), ("delete", "--empty"))
    more = (("update", "--public"), ("remove", "--prefix", "a"), ("upload", "a.txt", "--owner", "dev-1"))
    for name, words in [*product((plain, copied, remade), changes), *product((copied,), more)]:
        done = handrail("s3", words[0], name, *words[1:], "--yes")
        assert done.code == 4, (words, done.err)
        assert "not managed by Handrail" in done.err
    for verb in ("show", "objects"):
        assert handrail("s3", verb, copied).code == 4
    assert sandbox.writes() == before


def test_a_policy_that_manages_any_asks_before_it_touches_what_is_foreign(
    handrail: Handrail, s3: Any, unique: Unique
) -> None:
    name = unique("plain")
    s3.create_bucket(Bucket=name)
    (handrail.cwd / "any.toml").write_text('s3.manage = "any"\n')
    anyone = Handrail({**handrail.environ, "HANDRAIL_POLICY": str(handrail.cwd / "any.toml")}, handrail.cwd)
    write(handrail.cwd / "a.txt", "x")
    assert "not made by Handrail" in anyone.ok("s3", "show", name).out
    assert anyone("s3", "upload", name, "a.txt").code == 6
    done = anyone("s3", "upload", name, "a.txt", answers="y\n")
    assert (done.code, "did not make" in done.err) == (0, True)
    done = anyone("s3", "update", name, "--public", answers="n\n")
    assert "Handrail did not make" in done.err
    assert "did not make" in anyone("s3", "remove", name, "a.txt", answers="n\n").err
    assert "did not make" in anyone("s3", "delete", name, "--empty", answers="n\n").err
    assert name in {row["name"] for row in anyone.json("s3", "list")}
    assert anyone("s3", "update", name, "--tag", "a=b", answers="y\n").code == 0
