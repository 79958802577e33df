"""The write-ahead log: nothing happens that is not on disk first, and nothing that is there is lost."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Handrail, clean_environ
from handrail.sandbox import files, launcher
from handrail.sandbox.errors import DamageError, SandboxError
from handrail.sandbox.log import Log, LogFullError, read_log

from .playing import QUICK, Sandbox, describe, launch, refused, wait_until

MakeSandbox = Callable[..., Sandbox]


def test_writes_are_logged_and_reads_are_not(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    ec2, s3, dynamodb = (sandbox.client(name) for name in ("ec2", "s3", "dynamodb"))
    launch(ec2)
    ec2.describe_instances()
    s3.create_bucket(Bucket="logged")
    s3.put_object(Bucket="logged", Key="k", Body=b"x")
    s3.list_objects_v2(Bucket="logged")
    s3.get_object(Bucket="logged", Key="k")["Body"].read()
    dynamodb.list_tables()
    sandbox.client("route53", owner="bob").create_hosted_zone(Name="example.org", CallerReference="1")
    entries = sandbox.log()
    assert [(e.service, e.action) for e in entries] == [
        ("ec2", "RunInstances"),
        ("s3", "CreateBucket"),
        ("s3", "PutObject"),
        ("route53", "CreateHostedZone"),
    ]
    assert [e.n for e in entries] == [1, 2, 3, 4]
    assert [e.owner for e in entries] == ["alice", "alice", "alice", "bob"]
    assert entries[0].region == "us-east-1"


def test_no_secret_is_in_the_log(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    s3 = sandbox.client("s3", config={"signature_version": "s3v4"})
    s3.create_bucket(Bucket="scrubbed")
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "scrubbed", "Key": "k"})
    signature = url.partition("X-Amz-Signature=")[2]
    subprocess.run(["curl", "-sf", "-X", "PUT", "--data", "x", url], check=True)
    text = (sandbox.state_dir / files.LOG).read_text()
    assert sandbox.log()[-1].action == "PutObject"
    assert "X-Amz-" not in text
    assert signature[:64] not in text
    assert "Signature=none" in text


def test_large_bodies_survive_in_files_of_their_own(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    body = os.urandom(300_000)
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="large")
    s3.put_object(Bucket="large", Key="small", Body=b"\xff\x00")
    s3.put_object(Bucket="large", Key="large", Body=body, Metadata={"my_key": "v"})
    assert (sandbox.state_dir / files.LOG).stat().st_size < 10_000
    os.kill(sandbox.running.pid, signal.SIGKILL)
    wait_until(lambda: not launcher.is_serving(sandbox.state_dir))
    sandbox.restart()
    got = sandbox.client("s3").get_object(Bucket="large", Key="large")
    assert got["Body"].read() == body
    assert got["Metadata"] == {"my_key": "v"}
    assert sandbox.client("s3").get_object(Bucket="large", Key="small")["Body"].read() == b"\xff\x00"


def test_a_torn_last_line_is_cut_off(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    instance_id = launch(sandbox.client("ec2"))
    launcher.stop(sandbox.state_dir)
    with (sandbox.state_dir / files.LOG).open("ab") as stream:
        stream.write(b'{"n":2,"at":17')
    assert len(sandbox.log()) == 1
    sandbox.restart()
    ec2 = sandbox.client("ec2")
    assert describe(ec2, instance_id)
    launch(ec2)
    assert [entry.n for entry in sandbox.log()] == [1, 2]


def test_a_log_of_another_moto_is_refused(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    launcher.stop(sandbox.state_dir)
    (sandbox.state_dir / files.LOG).write_text('{"format":1,"moto":"1.2.3"}\n')
    with pytest.raises(launcher.SandboxError, match=r"moto 1\.2\.3") as caught:
        sandbox.restart()
    assert caught.value.hint == "handrail sandbox reset"
    launcher.reset(sandbox.state_dir)
    sandbox.restart()


def test_a_damaged_log_is_refused(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    launcher.stop(sandbox.state_dir)
    with (sandbox.state_dir / files.LOG).open("ab") as stream:
        stream.write(b"nonsense\n")
    with pytest.raises(launcher.SandboxError, match="damaged"):
        sandbox.restart()
    launcher.reset(sandbox.state_dir)


def test_a_full_disk_refuses_the_write_and_does_nothing(make_sandbox: MakeSandbox, tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib, resource; from handrail.sandbox import launcher\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))\n"
        "launcher.ensure(pathlib.Path(sys.argv[1]))"
    )
    state_dir = tmp_path / "sandbox"
    subprocess.run([sys.executable, "-c", code, str(state_dir)], check=True, env={**os.environ, **QUICK})
    sandbox = make_sandbox(state_dir)
    assert resource.prlimit(sandbox.running.pid, resource.RLIMIT_FSIZE)[0] == 4096
    ec2, s3 = sandbox.client("ec2"), sandbox.client("s3")
    s3.create_bucket(Bucket="full")
    with refused("InternalError"):
        s3.put_object(Bucket="full", Key="k", Body=b"x" * 50_000)
    made = 0
    with contextlib.suppress(ec2.exceptions.ClientError):
        while made < 20:
            launch(ec2)
            made += 1
    with pytest.raises(ec2.exceptions.ClientError, match="disk"):
        launch(ec2)
    found = [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
    assert 0 < made == len(found) < 20
    assert (state_dir / files.LOG).read_bytes().endswith(b"}\n")
    assert len(sandbox.log()) == made + 1
    assert list((state_dir / files.BLOBS).iterdir()) == []
    resource.prlimit(sandbox.running.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    launch(ec2)
    assert len(sandbox.log()) == made + 2


def test_a_full_disk_at_start_is_said(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, resource; from handrail.sandbox import launcher\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8, resource.RLIM_INFINITY))\n"
        "try: launcher.ensure(pathlib.Path(sys.argv[1]))\n"
        "except launcher.SandboxError as error: print(error.message, '|', error.hint)"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "File too large" in run.stdout
    assert "Free space" in run.stdout


def test_a_log_that_takes_only_a_part_of_a_line_keeps_none_of_it(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    log = Log(tmp_path, "1")
    before = (tmp_path / files.LOG).read_bytes()
    full = os.open("/dev/full", os.O_WRONLY)
    mine = os.dup(log._descriptor)
    try:
        os.dup2(full, log._descriptor)
        with pytest.raises(LogFullError):
            log.append({"at": 0})
        os.dup2(mine, log._descriptor)
        assert (tmp_path / files.LOG).read_bytes() == before
        assert log.append({"at": 0}) == 1
    finally:
        os.close(full)
        os.close(mine)
        log.close()


def test_the_same_log_gives_the_same_state(make_sandbox: MakeSandbox, tmp_path: Path) -> None:
    sandbox = make_sandbox()
    ids = [launch(sandbox.client("ec2")) for _ in range(3)]
    launcher.stop(sandbox.state_dir)
    copy = tmp_path / "copy"
    shutil.copytree(sandbox.state_dir, copy)
    found = make_sandbox(copy).client("ec2").describe_instances()["Reservations"]
    assert [i["InstanceId"] for r in found for i in r["Instances"]] == ids
    lines = (copy / files.LOG).read_text().splitlines()
    assert [json.loads(line).get("n") for line in lines] == [None, 1, 2, 3]


ENTRY = {"at": 1.5, "service": "s3", "action": "PutObject", "region": "us-east-1", "owner": "alice", "text": "x"}


def written(folder: Path, entries: int = 4) -> tuple[Path, bytes]:
    """Write a log, and return where it is and what is in it."""
    log = Log(folder, "1")
    for number in range(entries):
        log.append({**ENTRY, "at": number})
    log.close()
    return folder / files.LOG, (folder / files.LOG).read_bytes()


def lines_of(content: bytes, *order: int) -> bytes:
    """Return lines of a log in some order."""
    lines = content.splitlines(keepends=True)
    return b"".join(lines[number] for number in order)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: b"", "missing or empty, and 4 were written"),
        (lambda c: c[: c.rfind(b"{")], "ends after entry 3, and 4 were written"),
        (lambda c: c[:-7], "ends after entry 3"),
        (lambda c: lines_of(c, 0), "ends after entry 0"),
        (lambda c: lines_of(c, 1, 2, 3, 4), "line 1 is not"),
        (lambda c: lines_of(c, 0, 2, 3, 4), "line 2 is not"),
        (lambda c: lines_of(c, 0, 1, 1, 2, 3, 4), "line 3 is not"),
        (lambda c: lines_of(c, 0, 1, 3, 2, 4), "line 3 is not"),
        (lambda c: lines_of(c, 0, 1, 2, 3, 4, 4), "line 6 is not"),
        (lambda c: c + b"nonsense\n", "line 6 is not"),
        (lambda c: c + b"\n", "line 6 is not"),
        (lambda c: c.replace(b"alice", b"malice", 1), "line 2 is not"),
        (lambda c: c.replace(b'"moto":"1"', b'"moto":"2"'), "line 1 is not"),
        (lambda c: c.replace(b'"check"', b'"chuck"', 1), "line 1 is not"),
        (lambda c: c.replace(b'"format":2', b'"format":1'), "line 1 is not"),
    ],
)
def test_a_log_that_is_not_what_was_written_is_refused_and_kept(
    tmp_path: Path, change: Callable[[bytes], bytes], said: str
) -> None:
    path, content = written(tmp_path)
    path.write_bytes(change(content))
    for read in (lambda: Log(tmp_path, "1"), lambda: read_log(tmp_path)):
        with pytest.raises(DamageError, match=said) as caught:
            read()
        assert str(path) in caught.value.message
        assert path.read_bytes() == change(content)


def test_no_byte_of_a_log_can_change_unseen(tmp_path: Path) -> None:
    path, content = written(tmp_path, 2)
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(launcher.SandboxError):
            read_log(tmp_path)


def test_a_log_that_is_gone_or_cannot_be_read_is_refused(tmp_path: Path) -> None:
    path, content = written(tmp_path)
    path.unlink()
    with pytest.raises(DamageError, match="missing or empty"):
        Log(tmp_path, "1")
    path.mkdir()
    with pytest.raises(DamageError, match="cannot be read"):
        Log(tmp_path, "1")
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(DamageError, match="cannot be read"):
        Log(tmp_path, "1")
    path.unlink()
    path.write_bytes(content)
    for noted in (b"", b"nonsense", b"[]", None):
        head = tmp_path / files.HEAD
        head.unlink() if noted is None else head.write_bytes(noted)
        with pytest.raises(DamageError, match="names the last line"):
            Log(tmp_path, "1")


@pytest.mark.parametrize("left", [files.OWNERS, files.BLOBS])
def test_a_log_that_went_with_its_head_is_missed(tmp_path: Path, left: str) -> None:
    (tmp_path / left).mkdir()
    with pytest.raises(DamageError, match="it is missing"):
        Log(tmp_path, "1")


def test_a_pipe_among_the_files_is_said_and_waited_for_by_nobody(tmp_path: Path) -> None:
    state = tmp_path / "state"
    handrail = Handrail({**clean_environ(tmp_path), "HANDRAIL_STATE_DIR": str(state)}, tmp_path)
    handrail.ok("sandbox", "start")
    launcher.stop(state)
    for name in (files.SECRET, files.STATE, files.PORT, files.HEAD, files.LOG):
        path = state / name
        kept = path.read_bytes() if path.exists() else b"{}"
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        done = handrail("ec2", "list", "-o", "json")
        assert (done.code, done.error["hint"]) == (1, "handrail sandbox reset")
        assert str(path) in done.error["message"]
        path.unlink()
        path.write_bytes(kept)
    os.mkfifo(state / "pipe")
    handrail.ok("sandbox", "reset", "--yes")


def test_a_link_that_leads_nowhere_is_no_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / files.STATE
    assert files.read_text(path) is None
    path.symlink_to(tmp_path / "gone")
    with pytest.raises(SandboxError, match="it leads nowhere"):
        files.read_text(path)


def test_what_is_noted_of_the_end_may_be_behind_it(tmp_path: Path) -> None:
    """As a power cut leaves it: the log was synced, the note beside it was not."""
    Log(tmp_path, "1").close()
    noted = (tmp_path / files.HEAD).read_bytes()
    log = Log(tmp_path, "1")
    assert [log.append(ENTRY), log.append(ENTRY)] == [1, 2]
    log.close()
    (tmp_path / files.HEAD).write_bytes(noted)
    assert [entry.n for entry in read_log(tmp_path)] == [1, 2]
    (tmp_path / files.LOG).unlink()  # as a start leaves it that was cut off between the two
    Log(tmp_path, "1").close()
    assert read_log(tmp_path) == []


def test_a_log_of_0_1_is_read_and_gets_its_checks(tmp_path: Path) -> None:
    path = tmp_path / files.LOG
    old = [{"format": 1, "moto": "1"}, {"n": 1, **ENTRY}, {"n": 2, **ENTRY, "text": '","check":"'}]
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in old) + '{"n":3,"a')
    assert [entry.n for entry in read_log(tmp_path)] == [1, 2]
    log = Log(tmp_path, "1")
    assert log.entries == old[1:]
    assert log.append(ENTRY) == 3
    log.close()
    assert path.read_bytes().count(b"\n") == path.read_bytes().count(b'"}\n') == 4
    assert [entry.n for entry in read_log(tmp_path)] == [1, 2, 3]
    for damaged in (old[:1] + old[2:], [*old[:2], {"n": 2}], [*old[:2], []]):
        path.write_text("".join(json.dumps(line) + "\n" for line in damaged))
        with pytest.raises(DamageError, match="line"):
            Log(tmp_path, "1")


def test_damage_is_said_at_the_command_line_and_a_reset_keeps_it(make_sandbox: MakeSandbox, tmp_path: Path) -> None:
    sandbox = make_sandbox()
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="damaged")
    s3.put_object(Bucket="damaged", Key="k", Body=b"x" * 40_000)
    launcher.stop(sandbox.state_dir)
    handrail = Handrail({**clean_environ(tmp_path), "HANDRAIL_STATE_DIR": str(sandbox.state_dir)}, tmp_path)
    log = (sandbox.state_dir / files.LOG).read_bytes()
    (blob,) = (sandbox.state_dir / files.BLOBS).iterdir()
    body = blob.read_bytes()

    def expect(path: Path) -> None:
        done = handrail("ec2", "list", "-o", "json")
        assert (done.code, done.out) == (1, "")
        assert str(path) in done.error["message"]
        assert done.error["hint"] == "handrail sandbox reset"

    blob.write_bytes(body[:-1])
    expect(blob)
    blob.unlink()
    expect(blob)
    blob.write_bytes(body)
    assert handrail("ec2", "list", "-o", "json").json == []
    launcher.stop(sandbox.state_dir)
    lost = log.replace(b"alice", b"alicf", 1)
    (sandbox.state_dir / files.LOG).write_bytes(lost)
    expect(sandbox.state_dir / files.LOG)
    kept = sandbox.state_dir / f"{files.KEPT}1"
    assert str(kept) in handrail("sandbox", "reset", "--yes").said
    assert (kept / files.LOG).read_bytes() == lost
    assert (kept / files.BLOBS / blob.name).read_bytes() == body
    assert handrail("ec2", "list", "-o", "json").json == []
    launcher.reset(sandbox.state_dir)
    assert sorted(path.name for path in sandbox.state_dir.iterdir()) == [kept.name, files.START_LOCK]
