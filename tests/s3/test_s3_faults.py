"""Answers that go wrong on the way of a bucket: whatever fails, nothing is public unasked and nothing is lost."""

import json
import re
import shlex
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from conftest import Done, Handrail, Sandbox
from handrail.aws.s3 import S3
from handrail.aws.s3_objects import Deleted, Objects
from handrail.core.errors import Interrupted, NotSetUp, PermissionDenied
from handrail.core.fields import validate
from handrail.core.ownership import LEDGER_TABLE
from handrail.core.uploads import PART, LocalFile, checksum_text
from handrail.ledger.record import Intent, given_of
from handrail.ledger.rows import Row
from handrail.operations.s3 import recovery
from handrail.operations.s3.access import make_public
from handrail.operations.s3.buckets import KIND, read_bucket
from handrail.operations.s3.build import Order, make_bucket
from handrail.operations.s3.content import make_empty
from handrail.operations.s3.create import CreateBucket, order_of
from handrail.operations.s3.upload import _sums
from handrail.session import Session
from stage import Quiet, Stage
from wire import Forward, Hook, Reply, Request, Wire, listing

SHUT = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
OTHER = {"USER": "dev-2", "LOGNAME": "dev-2"}
Unique = Callable[[str], str]


@pytest.fixture
def s3(sandbox: Sandbox) -> Any:
    """Return a stranger's client."""
    return sandbox.client("s3")


@pytest.fixture
def wire(sandbox: Sandbox) -> Iterator[Wire]:
    """Return a proxy in front of the sandbox; a test sets its hook."""
    with Wire(sandbox.running.endpoint) as made:
        yield made


@pytest.fixture
def over(handrail: Handrail, wire: Wire) -> Callable[..., Done]:
    """Return the program, speaking over the wire."""

    def run(*words: str, **rest: Any) -> Done:
        return handrail("--target", "sandbox", *words, AWS_ENDPOINT_URL=wire.endpoint, **rest)

    return run


def error_body(code: str) -> bytes:
    """Return an error as S3 writes it."""
    return f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>no</Message></Error>'.encode()


def answer(code: str, status: int, *wants: str, method: str = "", times: int = 10_000) -> Hook:
    """Return a hook that answers requests having all these words with an error, so many times; `cut` cuts them off.

    A word is looked for in method, path and query.
    """
    left = [times]

    def hook(request: Request, forward: Forward) -> Reply | None:
        line = f"{request.method} {request.target}"
        if left[0] and all(word in line for word in wants) and method in ("", request.method):
            left[0] -= 1
            headers = {"Content-Type": "application/xml", "x-amz-request-id": "FAULT"}
            return None if code == "cut" else Reply(status, headers, error_body(code))
        return forward(request)

    return hook


def denied(*wants: str, **rest: Any) -> Hook:
    """Return a hook that denies."""
    return answer("AccessDenied", 403, *wants, **rest)


def all_of(*hooks: Hook) -> Hook:
    """Return a hook of several: each may answer itself or let the next decide."""

    def hook(request: Request, forward: Forward) -> Reply | None:
        def step(number: int) -> Forward:
            if number == len(hooks):
                return forward
            return cast(Forward, lambda request: hooks[number](request, step(number + 1)))

        return step(0)(request)

    return hook


def exists(s3: Any, name: str) -> bool:
    """Return whether a bucket exists."""
    try:
        s3.head_bucket(Bucket=name)
    except ClientError:
        return False
    return True


def is_shut(s3: Any, name: str) -> bool:
    """Return whether Block Public Access is on in all four ways, and no policy is left."""
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=name)
    return bool(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] == SHUT)


def finishing_line(done: Done) -> list[str]:
    """Return the command line that a failure prints to finish what is open."""
    lines = done.err.splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip().startswith("finish"))
    words = lines[at].split(maxsplit=1)[1]
    for more in lines[at + 1 :]:
        if not more.startswith("   "):
            break
        words += " " + more.strip()
    return shlex.split(words)[1:]


def flat(done: Done) -> str:
    """Return all that was said in one line."""
    return " ".join((done.out + done.err).split())


# ---- create


def test_a_create_that_can_not_be_completed_is_undone(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, s3: Any, unique: Unique
) -> None:
    name, request = unique("half"), unique("r")
    wire.hook = denied("?encryption", method="PUT")
    done = over("s3", "create", name, "--request-id", request)
    assert (done.code, f"{name} was removed again" in done.err) == (7, True)
    assert not exists(s3, name)
    assert handrail.json("s3", "create", name, "--request-id", request)["request"] == f"{request}.2"
    handrail.ok("s3", "delete", name, "--yes")
    wire.hook = all_of(denied("?encryption", method="PUT"), denied("DELETE"))
    done = over("s3", "create", name)
    assert (done.code, "private and empty" in done.err) == (7, True)
    assert is_shut(s3, name)
    assert handrail("s3", "delete", name, "--yes").code == 0


def test_a_half_made_bucket_that_somebody_retagged_is_not_removed(
    over: Callable[..., Done], wire: Wire, s3: Any, unique: Unique
) -> None:
    name = unique("half")
    seen: list[str] = []

    def retag(request: Request, forward: Forward) -> Reply | None:
        if request.method == "GET" and "tagging" in request.query:
            seen.append(request.target)
            if len(seen) > 1:
                return Reply(404, {"Content-Type": "application/xml"}, error_body("NoSuchTagSet"))
        return forward(request)

    wire.hook = all_of(retag, denied("?encryption", method="PUT"))
    done = over("s3", "create", name)
    assert (done.code, "left" in done.err) == (7, True)
    assert exists(s3, name)


@pytest.mark.parametrize(("region", "times"), [("us-east-1", 1), ("eu-west-1", 1), ("us-east-1", 3)])
def test_a_lost_answer_to_create_is_found_again(
    over: Callable[..., Done], wire: Wire, s3: Any, unique: Unique, region: str, times: int
) -> None:
    name = unique("lost")
    lost = [1] * times

    def lose(request: Request, forward: Forward) -> Reply | None:
        reply = forward(request)
        if lost and request.method == "PUT" and request.target in (f"/{name}", f"/{name}?"):
            lost.pop()
            return None
        return reply

    wire.hook = lose
    done = over("s3", "create", name, "--region", region)
    assert done.code == 0, done.err
    assert lost == []
    assert is_shut(s3, name)


def test_a_create_that_is_never_heard_of_can_be_finished(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, s3: Any, unique: Unique
) -> None:
    name = unique("deaf")
    wire.hook = answer("cut", 0, f"PUT /{name}")
    done = over("s3", "create", name, "--tag", "team=a b", "--versioning")
    assert done.code == 1
    assert not exists(s3, name)
    again = handrail(*finishing_line(done))
    assert again.code == 0, again.err
    assert is_shut(s3, name)


def test_a_create_that_is_cut_in_the_middle_can_be_finished(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, s3: Any, unique: Unique
) -> None:
    name = unique("mid")
    wire.hook = answer("cut", 0, f"PUT /{name}?publicAccessBlock")
    done = over("s3", "create", name, "--private")
    assert done.code == 1
    assert exists(s3, name)
    assert handrail("s3", "create", name).code == 5, "another request takes nothing over"
    again = handrail(*finishing_line(done))
    assert again.code == 0, again.err
    assert is_shut(s3, name)


@pytest.mark.parametrize(("code", "status"), [("InternalError", 500), ("SlowDown", 503)])
def test_a_create_that_aws_stumbles_over_can_be_finished(
    over: Callable[..., Done],
    wire: Wire,
    handrail: Handrail,
    s3: Any,
    unique: Unique,
    code: str,
    status: int,
) -> None:
    name = unique("fault")
    wire.hook = answer(code, status, f"PUT /{name}")
    done = over("s3", "create", name, "--tag", "team=blue", "--region", "eu-west-1")
    assert done.code == 1
    assert "repeat the command with --request-id" in done.err
    again = handrail(*finishing_line(done))
    assert again.code == 0, again.err
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"

    half = unique("fault")
    wire.hook = answer(code, status, f"PUT /{half}?publicAccessBlock")
    done = over("s3", "create", half)
    assert (done.code, exists(s3, half)) == (1, True)
    assert handrail(*finishing_line(done)).code == 0
    assert is_shut(s3, half)


def test_a_create_that_was_done_though_aws_says_500_is_found(
    over: Callable[..., Done], wire: Wire, s3: Any, unique: Unique
) -> None:
    name = unique("fault")

    def done_all_the_same(request: Request, forward: Forward) -> Reply | None:
        reply = forward(request)
        if request.method == "PUT" and request.target in (f"/{name}", f"/{name}?"):
            return Reply(500, {"Content-Type": "application/xml"}, error_body("InternalError"))
        return reply

    wire.hook = done_all_the_same
    assert over("s3", "create", name).code == 0
    assert is_shut(s3, name)


@pytest.mark.parametrize(("code", "status"), [("AccessDenied", 403), ("cut", 0)])
def test_a_create_whose_tags_can_not_be_read_stays_open(
    over: Callable[..., Done],
    wire: Wire,
    handrail: Handrail,
    s3: Any,
    unique: Unique,
    code: str,
    status: int,
) -> None:
    name, lost = unique("blind"), unique("blind")
    wire.hook = answer(code, status, "GET", "?tagging")
    done = over("s3", "create", name)
    assert (done.code, exists(s3, name)) == (7 if status else 1, True)
    assert handrail(*finishing_line(done)).code == 0
    wire.hook = all_of(answer("InternalError", 500, f"PUT /{lost}"), answer(code, status, "GET", "?tagging"))
    done = over("s3", "create", lost)
    assert done.code == 1
    assert handrail(*finishing_line(done)).code == 0


def test_another_accounts_bucket_is_a_taken_name(over: Callable[..., Done], wire: Wire, unique: Unique) -> None:
    name = unique("far")
    wire.hook = all_of(answer("BucketAlreadyExists", 409, f"PUT /{name}"), denied("GET", "?tagging"))
    done = over("s3", "create", name)
    assert (done.code, "finish" in done.err) == (5, False)
    wire.hook = answer("AccessDenied", 403, f"HEAD /{name}")
    done = over("s3", "create", name)
    assert (done.code, "is taken" in done.err, "shared by all AWS accounts" in done.err) == (5, True, True)


def test_ctrl_c_while_a_bucket_is_made_leaves_the_line_that_finishes_it(
    handrail: Handrail, session: Session, wire: Wire, s3: Any, unique: Unique
) -> None:
    name, request = unique("hasty"), unique("r")
    wire.hook = answer("OperationAborted", 409, f"PUT /{name}")
    hasty = handrail.session(Impatient(), AWS_ENDPOINT_URL=wire.endpoint)
    with pytest.raises(Interrupted) as stopped:
        make_bucket(hasty, ordered(session, name, request))
    assert stopped.value.exit_code == 130
    assert stopped.value.details["open"] is True
    line = dict(stopped.value.facts)["finish"]
    said = "--private --tag team=blue --versioning --region us-east-1"
    assert line == f"handrail s3 create {name} {said} --request-id {request}"


def test_a_create_that_was_killed_is_named_where_its_bucket_is_met(
    handrail: Handrail, session: Session, s3: Any, unique: Unique
) -> None:
    name, request = unique("killed"), unique("r")
    values = validate(CreateBucket, {"name": name, "tag": ("team=a b",), "versioning": True, "request_id": request})
    order = replace(order_of(session, values), request=request)
    intent = intent_of("create", name, request, **order.resolved())
    session.stores.record.intend([replace(intent, given=given_of(values), digest=order.digest)])
    another = ordered(session, f"{name}-x", unique("r"))
    session.stores.record.intend([intent_of("create", another.name, another.request, **another.resolved())])
    session.aws.s3.create(name, order.all_tags)
    line = (
        f"handrail s3 create {name} --private --tag 'team=a b' --versioning --region us-east-1 --request-id {request}"
    )
    for words, code in (
        (("create", name), 5),
        (("show", name), 4),
        (("update", name, "--private"), 4),
        (("delete", name, "--yes"), 4),
    ):
        done = handrail("s3", *words)
        assert done.code == code, words
        assert f"a create of it by you has no outcome yet · request {request}" in flat(done)
        assert line in flat(done), done.err
    theirs = handrail.owner("dev-2")("s3", "create", name)
    assert (theirs.code, "by dev-1 has no outcome yet" in theirs.err, line in theirs.err) == (5, True, False)
    done = handrail.ok(*shlex.split(line)[1:])
    assert is_shut(s3, name)
    assert "open" not in handrail("s3", "create", name).err


def test_a_bucket_that_comes_back_without_our_tags_is_left_alone(
    over: Callable[..., Done], wire: Wire, s3: Any, unique: Unique
) -> None:
    name = unique("bare")
    wire.hook = answer("NoSuchTagSet", 404, "GET", "?tagging")
    done = over("s3", "create", name)
    assert (done.code, "does not carry the tags" in done.err) == (5, True)
    assert exists(s3, name)
    assert not [request for request in wire.requests if "publicAccessBlock" in request.target]


def test_a_name_that_somebody_takes_in_between(over: Callable[..., Done], wire: Wire, s3: Any, unique: Unique) -> None:
    name = unique("race")
    seen: list[str] = []

    def race(request: Request, forward: Forward) -> Reply | None:
        reply = forward(request)
        if request.method == "HEAD" and not seen:
            seen.append(name)
            s3.create_bucket(Bucket=name)
        return reply

    wire.hook = race
    assert over("s3", "create", name).code == 5
    with pytest.raises(ClientError, match="NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket=name)

    other = unique("race")
    wire.hook = answer("BucketAlreadyExists", 409, f"PUT /{other}")
    assert over("s3", "create", other).code == 5
    wire.hook = answer("cut", 0, "HEAD")
    assert over("s3", "create", unique("race")).code == 1


def test_a_stale_row_of_the_name_makes_way(handrail: Handrail, s3: Any, unique: Unique) -> None:
    name = unique("stale")
    handrail.owner("dev-2").ok("s3", "create", name)
    s3.delete_bucket(Bucket=name)
    assert handrail.json("s3", "create", name)["current"]["owner"] == "dev-1"


# ---- public


def test_a_policy_that_is_refused_leaves_the_bucket_private(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, s3: Any, unique: Unique
) -> None:
    name = unique("press")
    wire.hook = denied("?policy", method="PUT")
    done = over("s3", "create", name, "--public", "--yes")
    assert (done.code, f"{name} is private" in done.err) == (7, True)
    assert is_shut(s3, name)
    again = handrail(*finishing_line(done), "--yes")
    assert again.code == 0, again.err
    assert s3.get_bucket_policy_status(Bucket=name)["PolicyStatus"]["IsPublic"] is True


def test_a_bucket_that_does_not_become_public_falls_back(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, s3: Any, unique: Unique
) -> None:
    name = unique("press")
    handrail.ok("s3", "create", name)
    status = b'<PolicyStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsPublic>false</IsPublic></PolicyStatus>'

    def never(request: Request, forward: Forward) -> Reply | None:
        if "policyStatus" in request.query:
            return Reply(200, {"Content-Type": "application/xml"}, status)
        return forward(request)

    wire.hook = never
    done = over("s3", "update", name, "--public", "--yes")
    assert (done.code, "does not become public" in done.err) == (1, True)
    assert is_shut(s3, name)


def put_when(s3: Any, name: str, is_time: Callable[[Request], bool]) -> Hook:
    """Return a hook that puts a file like a secret into a bucket once, after the first request of a kind."""
    left = [1]

    def hook(request: Request, forward: Forward) -> Reply | None:
        reply = forward(request)
        if left and is_time(request):
            left.pop()
            s3.put_object(Bucket=name, Key="deploy/.env", Body=b"x")
        return reply

    return hook


def is_relaxing(request: Request) -> bool:
    """Return whether a request changes Block Public Access."""
    return request.method == "PUT" and "publicAccessBlock" in request.query


def test_a_secret_that_comes_while_the_question_stands_is_never_public(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, s3: Any, unique: Unique
) -> None:
    name = unique("late")
    handrail.ok("s3", "create", name)
    wire.hook = put_when(s3, name, lambda request: "list-type=2" in request.query)
    done = over("s3", "update", name, "--public", "--yes", "-o", "json")
    assert (done.code, done.json[0]["error"]["code"]) == (3, "refused")
    assert not [request for request in wire.requests if is_relaxing(request)]
    assert is_shut(s3, name)


def test_a_secret_that_comes_while_a_bucket_is_opened_shuts_it_again(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, s3: Any, unique: Unique
) -> None:
    name = unique("late")
    handrail.ok("s3", "create", name)
    wire.hook = put_when(s3, name, is_relaxing)
    done = over("s3", "update", name, "--public", "--yes")
    assert (done.code, f"{name} is private" in flat(done)) == (3, True)
    assert is_shut(s3, name)


def test_a_statement_that_comes_while_a_bucket_is_opened_shuts_it_again(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, s3: Any, unique: Unique
) -> None:
    name = unique("late")
    handrail.ok("s3", "create", name)
    open_in_between: list[bool] = []

    def drop(request: Request, forward: Forward) -> Reply | None:
        reply = forward(request)
        if request.method == "PUT" and request.query == "policy" and reply.status < 300:
            now = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
            now["Statement"].append({**now["Statement"][0], "Sid": "Drop", "Action": "s3:PutObject"})
            s3.put_bucket_policy(Bucket=name, Policy=json.dumps(now))
        block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
        open_in_between.append(not block["RestrictPublicBuckets"])
        return reply

    wire.hook = drop
    done = over("s3", "update", name, "--public", "--yes")
    assert (done.code, "Drop: s3:PutObject" in flat(done)) == (5, True)
    assert "behind it its policy keeps" in flat(done)
    assert open_in_between
    assert not any(open_in_between)
    assert s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] == SHUT


def test_a_create_that_is_finished_opens_no_secret(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, s3: Any, unique: Unique
) -> None:
    name = unique("late")
    wire.hook = answer("cut", 0, f"PUT /{name}?policy")
    done = over("s3", "create", name, "--public", "--yes")
    assert done.code == 1
    s3.put_object(Bucket=name, Key=".env", Body=b"x")
    assert handrail(*finishing_line(done), "--yes").code == 3
    assert is_shut(s3, name)
    s3.delete_object(Bucket=name, Key=".env")
    assert handrail(*finishing_line(done), "--yes").code == 0


# ---- delete


def pages_of(request: Request) -> bool:
    """Return whether a request lists versions."""
    return request.method == "GET" and request.query.startswith("versions")


def test_a_rule_of_encryption_that_only_blocks_is_read(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, unique: Unique
) -> None:
    name = unique("blocks")
    handrail.ok("s3", "create", name)
    rule = b"<Rule><BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes></Rule>"
    body = b"<ServerSideEncryptionConfiguration>" + rule + b"</ServerSideEncryptionConfiguration>"

    def blocks(request: Request, forward: Forward) -> Reply | None:
        return Reply(200, {"x-amz-request-id": "RULE"}, body) if "encryption" in request.query else forward(request)

    wire.hook = blocks
    done = over("s3", "show", name, "-o", "json")
    assert (done.code, done.json["encryption"]) == (0, "AES256")


def test_a_service_whose_listing_skips_what_is_left_is_asked_again(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, s3: Any, unique: Unique
) -> None:
    name = unique("skips")
    handrail.ok("s3", "create", name)
    for key in ("a", "b", "c"):
        s3.put_object(Bucket=name, Key=key, Body=b"x")

    def first_only(request: Request, forward: Forward) -> Reply | None:
        """Answer one version a page, and nothing where a place is named."""
        reply = forward(request)
        if not pages_of(request):
            return reply
        start, *versions = reply.body.partition(b"</ListVersionsResult>")[0].split(b"<Version>")
        start = re.sub(rb"<IsTruncated>\w+</IsTruncated>", b"", start)
        shown = [b"<Version>" + one for one in versions[:1]] if "key-marker" not in request.query else []
        more = b"<IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker>"
        shown += [more if shown else b"<IsTruncated>false</IsTruncated>"]
        return replace(reply, body=start + b"".join(shown) + b"</ListVersionsResult>")

    wire.hook = first_only
    assert over("s3", "delete", name, "--empty", "--yes").code == 0
    assert not exists(s3, name)


def test_a_service_that_lists_what_is_gone_does_not_keep_a_deletion_going(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, s3: Any, unique: Unique
) -> None:
    name = unique("ghost")
    handrail.ok("s3", "create", name)
    s3.put_object(Bucket=name, Key="a", Body=b"x")
    seen: list[Reply] = []

    def stale(request: Request, forward: Forward) -> Reply | None:
        if not pages_of(request):
            return forward(request)
        seen.append(seen[0] if seen else forward(request))
        return seen[0]

    wire.hook = stale
    assert over("s3", "delete", name, "--empty", "--yes").code == 0
    assert len(seen) == 3, "counted, deleted, and looked at once more"
    assert not exists(s3, name)


def test_who_writes_without_end_does_not_keep_a_deletion_going() -> None:
    class Filling:
        """A bucket that has something else in it at every look."""

        bucket, looks = "busy", 0

        def unfinished(self) -> Iterator[Any]:
            return iter(())

        def versions(self) -> Iterator[list[dict[str, Any]]]:
            self.looks += 1
            yield [{"Key": str(self.looks), "VersionId": "null"}]

        def delete(self, batch: list[dict[str, Any]], tally: Deleted) -> None:
            tally.add(len(batch), ())

    filling, said = Filling(), list[str]()
    make_empty(cast(Objects, filling), said.append, rounds=3)
    assert filling.looks == 3
    assert said[-1] == "busy: 3 objects and versions deleted"


def test_a_fall_back_that_fails_is_said(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, unique: Unique
) -> None:
    name = unique("press")
    handrail.ok("s3", "create", name)
    puts: list[str] = []

    def second(request: Request, forward: Forward) -> Reply | None:
        if request.method == "PUT" and "publicAccessBlock" in request.query:
            puts.append(request.target)
            if len(puts) > 1:
                return Reply(403, {"Content-Type": "application/xml"}, error_body("AccessDenied"))
        return forward(request)

    wire.hook = all_of(second, denied("?policy", method="PUT"))
    done = over("s3", "update", name, "--public", "--yes")
    assert done.code == 7
    assert "could not be made private again" in done.err


def test_an_account_whose_setting_may_not_be_read_gets_no_public_bucket(
    over: Callable[..., Done], wire: Wire, s3: Any, unique: Unique
) -> None:
    name = unique("press")
    wire.hook = denied("/v20180820/")
    done = over("s3", "create", name, "--public", "--yes", "-o", "json")
    assert (done.code, done.error["details"]["action"]) == (7, "s3:GetAccountPublicAccessBlock")
    assert not exists(s3, name)


def test_going_private_needs_only_the_block(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, s3: Any, unique: Unique
) -> None:
    name = unique("press")
    handrail.ok("s3", "create", name, "--public", "--yes")
    wire.hook = denied("DELETE", "?policy")
    done = over("s3", "update", name, "--private")
    assert (done.code, "could not be changed" in done.err) == (0, True)
    assert s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] == SHUT


def test_s3_that_is_busy_is_waited_for(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, unique: Unique
) -> None:
    name = unique("busy")
    handrail.ok("s3", "create", name)
    wire.hook = answer("OperationAborted", 409, "?tagging", method="PUT", times=2)
    assert over("s3", "update", name, "--tag", "a=b").code == 0
    wire.hook = answer("OperationAborted", 409, "?tagging", method="PUT")
    done = over("s3", "update", name, "--tag", "a=c", "-o", "json")
    assert (done.code, done.error["code"]) == (5, "busy")


# ---- looking


def test_what_may_not_be_read_is_a_note_and_never_private(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, s3: Any, unique: Unique
) -> None:
    name, foreign = unique("dim"), unique("dim")
    handrail.ok("s3", "create", name)
    s3.create_bucket(Bucket=foreign)
    s3.delete_public_access_block(Bucket=foreign)
    s3.put_bucket_ownership_controls(Bucket=foreign, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    s3.put_bucket_acl(Bucket=foreign, ACL="public-read")

    def row(bucket: str = name) -> dict[str, Any]:
        rows = over("s3", "list", "--all", "--size", "-o", "json").json
        return dict(next(one for one in rows if one["name"] == bucket))

    assert row(foreign)["access"] == "public", "ACLs count where nothing blocks them"
    wire.hook = denied("/v20180820/")
    assert row(foreign)["access"] == "unknown"
    wire.hook = answer("MethodNotAllowed", 405, "/v20180820/")
    assert row()["access"] == "private"
    wire.hook = answer("cut", 0, "/v20180820/")
    assert row(foreign)["access"] == "unknown"
    wire.hook = denied(f"/{name}?policyStatus")
    assert (row()["access"], row()["note"]) == ("private", "not allowed: s3:GetBucketPolicyStatus")
    wire.hook = denied(f"/{name}?list-type")
    assert "s3:ListBucket" in row()["note"]
    wire.hook = answer("NoSuchBucket", 404, f"/{name}?tagging")
    assert row()["access"] == "gone"
    wire.hook = answer("NoSuchBucket", 404, f"/{foreign}?tagging")
    assert foreign not in {one["name"] for one in over("s3", "list", "--all", "-o", "json").json}
    wire.hook = answer("InternalError", 500, f"/{foreign}?tagging")
    assert row(foreign)["access"] == "unknown"
    wire.hook = denied("?versioning")
    assert "not allowed to read" in over("s3", "show", name).out
    wire.hook = denied(f"/{name}?tagging")
    done = over("s3", "update", name, "--private")
    assert (done.code, "can't be proved" in done.err) == (7, True)
    rows = {one["name"]: one for one in over("s3", "list", "-o", "json").json}
    assert (rows[name]["managed"], rows[name]["owner"]) == (False, "")
    assert rows[name]["note"] == "on record as dev-1's, not proved; not allowed: s3:GetBucketTagging"
    wire.hook = denied(f"/{name}?policyStatus")
    assert over("s3", "update", name, "--private").code == 0, "what can't be read is no reason to leave it"


def test_a_bucket_list_comes_in_pages(over: Callable[..., Done], wire: Wire, s3: Any, unique: Unique) -> None:
    name = unique("page")
    s3.create_bucket(Bucket=name)
    asked: list[str] = []

    def paged(request: Request, forward: Forward) -> Reply | None:
        if not request.target.startswith("/?"):
            return forward(request)
        asked.append(request.query)
        reply = forward(request) if len(asked) == 1 else None
        if reply is None:
            empty = b"<ListAllMyBucketsResult><Buckets></Buckets></ListAllMyBucketsResult>"
            return Reply(200, {"Content-Type": "application/xml"}, empty)
        end = b"</ListAllMyBucketsResult>"
        return replace(reply, body=reply.body.replace(end, b"<ContinuationToken>more</ContinuationToken>" + end))

    wire.hook = paged
    assert name in {row["name"] for row in over("s3", "list", "--all", "-o", "json").json}
    assert "continuation-token=more" in asked[1]


def test_a_bucket_out_of_reach(over: Callable[..., Done], wire: Wire, handrail: Handrail, unique: Unique) -> None:
    name = unique("far")
    handrail.ok("s3", "create", name)
    wire.hook = denied("HEAD")
    done = over("s3", "delete", name, "--yes")
    assert (done.code, "can't be reached" in done.err) == (7, True)
    assert over("s3", "delete", unique("never"), "--yes").code == 4
    wire.hook = answer("InternalError", 500, "HEAD")
    assert over("s3", "show", name).code == 1


def test_deletions_that_s3_refuses_are_said(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, s3: Any, unique: Unique
) -> None:
    name = unique("locked")
    handrail.ok("s3", "create", name)
    for key in ("a", "b"):
        s3.put_object(Bucket=name, Key=key, Body=b"1")
    body = (
        b'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Error><Key>a</Key><Code>AccessDenied</Code>'
        b"<Message>locked</Message></Error></DeleteResult>"
    )

    def locked(request: Request, forward: Forward) -> Reply | None:
        if request.method == "POST" and "delete" in request.query:
            return Reply(200, {"Content-Type": "application/xml"}, body)
        return forward(request)

    wire.hook = locked
    done = over("s3", "delete", name, "--empty", "--yes")
    assert (done.code, "S3 kept 1 object" in done.err) == (1, True)
    done = over("s3", "remove", name, "a", "b", "--yes", "-o", "json")
    assert (done.code, [row["status"] for row in done.json]) == (8, ["failed", "succeeded"])
    assert over("s3", "remove", name, "--prefix", "a", "--yes").code == 1
    wire.hook = denied("?delete", method="POST")
    assert over("s3", "remove", name, "a", "--yes").code == 7
    wire.hook = denied("?versions")
    assert over("s3", "delete", name, "--yes").code == 7
    wire.hook = answer("NoSuchBucket", 404, f"DELETE /{name}")
    assert over("s3", "delete", name, "--empty", "--yes").code == 0
    wire.hook = denied("?versioning", method="GET")
    other = unique("locked")
    handrail.ok("s3", "create", other)
    assert over("s3", "update", other, "--versioning", "on").code == 7


def test_an_upload_whose_files_can_not_be_compared(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, s3: Any, unique: Unique
) -> None:
    name = unique("same")
    handrail.ok("s3", "create", name)
    (handrail.cwd / "a.txt").write_text("one")
    handrail.ok("s3", "upload", name, "a.txt")
    wire.hook = denied(f"HEAD /{name}/a.txt")
    assert over("s3", "upload", name, "a.txt").code == 7


# ---- recovery


class Impatient(Quiet):
    """A listener behind whom somebody presses Ctrl-C at the first word of progress."""

    def progress(self, text: str) -> None:
        """Interrupt."""
        raise KeyboardInterrupt


def test_ctrl_c_while_a_bucket_is_opened_leaves_it_private(
    handrail: Handrail, session: Session, wire: Wire, s3: Any, unique: Unique
) -> None:
    name = unique("press")
    handrail.ok("s3", "create", name)
    wire.hook = answer("OperationAborted", 409, "?policy", method="PUT")
    hasty = handrail.session(Impatient(), AWS_ENDPOINT_URL=wire.endpoint)
    with pytest.raises(KeyboardInterrupt):
        make_public(hasty, name, "us-east-1")
    assert is_shut(s3, name)


def test_many_objects_are_counted_in_the_open(
    over: Callable[..., Done], wire: Wire, handrail: Handrail, unique: Unique
) -> None:
    name = unique("many")
    handrail.ok("s3", "create", name)
    wire.hook = listing(2_500)
    done = over("s3", "remove", name, "--prefix", "logs/", "--dry-run", answers="")
    assert (done.code, "2,500 objects would be removed" in done.out) == (0, True)
    assert "1,000 objects counted" in done.err


def test_an_account_number_stays_before_the_host_of_aws_itself() -> None:
    caller = SimpleNamespace(account="123456789012", arn="arn:aws:iam::123456789012:user/me")
    s3 = S3(cast(Any, SimpleNamespace(endpoint="", caller=lambda: caller)), "us-east-1")
    request = SimpleNamespace(url="https://123456789012.s3-control.us-east-1.amazonaws.com/v20180820/x")
    s3._straighten(request)
    assert request.url.startswith("https://123456789012.")


def intent_of(verb: str, name: str, request: str, /, **resolved: Any) -> Intent:
    """Return an intent as 0.1 put it on record a moment ago."""
    now = time.time() + 1
    return Intent(request, f"s3 {verb}", name, "us-east-1", "sandbox", resolved=resolved, owner="dev-1", at=now)


def ordered(session: Session, name: str, request: str, *, public: bool = False) -> Order:
    """Return an order as `s3 create` makes it."""
    said = {"name": name, "public": public, "tag": ("team=blue",), "versioning": True}
    return replace(order_of(session, validate(CreateBucket, said)), request=request)


def recovered(session: Session, intent: Intent) -> tuple[str, str, tuple[str, ...]]:
    """Return what becomes of a request that was cut off: its result, what is said of it, and the warnings."""
    settled = recovery.recover(session, intent)
    assert settled.verdict.code == int(settled.verdict.result == "failed")
    return settled.verdict.result, settled.verdict.message, settled.warnings


def test_an_interrupted_create_is_finished_private(session: Session, s3: Any, unique: Unique) -> None:
    for public in (False, True):
        name, request = unique("cut"), unique("r")
        order = ordered(session, name, request, public=public)
        session.aws.s3.create(name, order.all_tags)
        told = recovered(session, intent_of("create", name, request, **order.resolved()))
        not_opened = f"{name} was to be public and is private: handrail s3 update {name} --public"
        said = f"s3 create {name} was interrupted and is finished"
        assert told == ("succeeded", said, (not_opened,) if public else ())
        assert is_shut(s3, name)
        row = session.stores.rows.get(KIND, name)
        assert row is not None
        assert row.request == request


def test_an_interrupted_create_that_is_open_as_approved_stays(
    handrail: Handrail, session: Session, s3: Any, unique: Unique
) -> None:
    name = unique("cut")
    made = handrail.json("s3", "create", name, "--public", "--yes")
    order = ordered(session, name, made["request"], public=True)
    result, _, warnings = recovered(session, intent_of("create", name, made["request"], **order.resolved()))
    assert (result, warnings, read_bucket(session, name, "us-east-1").access) == ("succeeded", (), "public")


def test_a_create_that_never_began_leaves_no_row(session: Session, s3: Any, unique: Unique) -> None:
    name, theirs, request = unique("never"), unique("theirs"), unique("r")
    s3.create_bucket(Bucket=theirs)
    session.stores.rows.put(Row(KIND, name, "dev-1", request, "us-east-1", 1))
    for bucket in (name, theirs):
        order = ordered(session, bucket, request)
        told = recovered(session, intent_of("create", bucket, request, **order.resolved()))
        assert told == ("failed", f"bucket {bucket} was not made by request {request}.", ())
        assert session.stores.rows.get(KIND, bucket) is None
    assert exists(s3, theirs)


def test_an_interrupted_update_is_carried_on_but_never_opens(
    handrail: Handrail, session: Session, s3: Any, unique: Unique
) -> None:
    name = unique("cut")
    handrail.ok("s3", "create", name, "--tag", "old=x")
    s3.put_public_access_block(
        Bucket=name, PublicAccessBlockConfiguration={**SHUT, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
    )
    wanted = {"public": True, "put": {"team": "blue"}, "drop": ["old"], "versioning": True}
    told = recovered(session, intent_of("update", name, "r", **wanted))
    assert told == ("failed", f"{name} was to be public and is private: handrail s3 update {name} --public", ())
    assert is_shut(s3, name)
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=name)["TagSet"]}
    assert (tags["team"], "old" in tags) == ("blue", False)
    handrail.ok("s3", "update", name, "--public", "--yes")
    nothing = {"public": True, "put": {}, "drop": [], "versioning": None}
    finished = ("succeeded", f"s3 update {name} was interrupted and is finished", ())
    assert recovered(session, intent_of("update", name, "r", **nothing)) == finished
    assert recovered(session, intent_of("update", name, "r", **{**nothing, "public": False})) == finished
    assert is_shut(s3, name)
    assert recovered(session, intent_of("update", name, "r", **{**nothing, "public": None})) == finished
    s3.delete_bucket(Bucket=name)
    assert recovered(session, intent_of("update", name, "r", **nothing))[0] == "failed"


def test_an_interrupted_update_says_what_its_policy_keeps(
    handrail: Handrail, session: Session, s3: Any, unique: Unique
) -> None:
    name = unique("cut")
    handrail.ok("s3", "create", name)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*"}
    s3.delete_public_access_block(Bucket=name)
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    wanted = {"public": False, "put": {}, "drop": [], "versioning": None}
    result, said, warnings = recovered(session, intent_of("update", name, "r", **wanted))
    assert (result, said) == ("succeeded", f"s3 update {name} was interrupted and is finished")
    assert [f"{name} is shut by Block Public Access; behind it its policy" in one for one in warnings] == [True]


def test_an_interrupted_delete(handrail: Handrail, session: Session, s3: Any, unique: Unique) -> None:
    name = unique("cut")
    handrail.ok("s3", "create", name)
    told = recovered(session, intent_of("delete", name, "r"))
    assert told == ("failed", f"bucket {name} is still there; part of its content may be deleted.", ())
    s3.delete_bucket(Bucket=name)
    for _ in range(2):
        assert recovered(session, intent_of("delete", name, "r"))[0] == "succeeded"
        assert session.stores.rows.get(KIND, name) is None


@pytest.mark.parametrize("said", ["made_by", "owner", "at"])
def test_a_bucket_that_was_made_anew_is_left_alone(
    handrail: Handrail, session: Session, s3: Any, unique: Unique, said: str
) -> None:
    """Whatever was cut off was about the one before, as the intent says; those of 0.1 by whose it was, and when."""
    name = unique("anew")
    handrail.ok("s3", "create", name, **({} if said == "at" else OTHER))
    s3.put_object(Bucket=name, Key="a", Body=b"new")

    def cut(verb: str, **resolved: Any) -> Intent:
        made_by = {"made_by": "the-one-before"} if said == "made_by" else {}
        intent = intent_of(verb, name, "r", bucket=name, **resolved, **made_by)
        return replace(intent, at=1.0) if said == "at" else intent

    before = handrail.json("s3", "show", name)
    wanted = {"public": False, "put": {"team": "blue"}, "drop": [], "versioning": True}
    assert "not there any more" in recovered(session, cut("update", **wanted))[1]
    assert "not there any more" in recovered(session, cut("remove", key="a"))[1]
    assert recovered(session, cut("delete"))[0] == "succeeded"
    assert handrail.json("s3", "show", name) == before
    s3.delete_object(Bucket=name, Key="a")
    s3.delete_bucket(Bucket=name)
    assert recovered(session, cut("delete"))[0] == "succeeded"
    assert session.stores.rows.get(KIND, name) is not None


@pytest.mark.parametrize(
    "words",
    [
        ("s3", "update", "{}", "--tag", "team=mine"),
        ("s3", "delete", "{}", "--yes"),
        ("s3", "delete", "{}", "--empty", "--yes"),
        ("s3", "upload", "{}", "page"),
        ("s3", "remove", "{}", "a", "--yes"),
        ("s3", "remove", "{}", "--prefix", "a", "--yes"),
        ("audit", "anchor", "--bucket", "{}", "--weak"),
    ],
    ids=" ".join,
)
def test_a_bucket_that_is_made_anew_while_the_question_stands_is_left_alone(
    over: Callable[..., Done], wire: Wire, session: Session, s3: Any, unique: Unique, words: tuple[str, ...]
) -> None:
    name = unique("stood")
    ours = replace(ordered(session, name, unique("ours")), versioning=False)
    make_bucket(session, ours)
    if "delete" not in words or "--empty" in words:
        s3.put_object(Bucket=name, Key="a", Body=b"ours")
    (session.machine.cwd / "page").write_text("hello\n")
    theirs = replace(ours, request=unique("theirs"), owner="dev-2")
    made: list[str] = []

    def make_anew(request: Request, forward: Forward) -> Reply | None:
        """Make it anew the moment that the intents are put on record: the plan is made, and it is approved."""
        if b"intent" in request.body and b"TransactItems" in request.body and not made:
            made.append(name)
            s3.delete_object(Bucket=name, Key="a")
            s3.delete_bucket(Bucket=name)
            session.stores.rows.drop(KIND, name, ours.request)
            make_bucket(session, theirs)
            s3.put_object(Bucket=name, Key="a", Body=b"theirs")
        return forward(request)

    wire.hook = make_anew
    done = over(*(word.format(name) for word in words), "-o", "json")
    assert (made, done.code, "was deleted and made anew" in done.out + done.err) == ([name], 5, True), done
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=name)["Contents"]] == ["a"]
    assert session.aws.s3.tags(name, "us-east-1") == theirs.all_tags


def test_a_bucket_that_goes_while_the_question_stands_is_gone(
    over: Callable[..., Done], wire: Wire, session: Session, s3: Any, unique: Unique
) -> None:
    name = unique("goes")
    make_bucket(session, ordered(session, name, unique("ours")))
    gone: list[str] = []

    def take_away(request: Request, forward: Forward) -> Reply | None:
        if b"TransactItems" in request.body and not gone:
            gone.append(name)
            s3.delete_bucket(Bucket=name)
        return forward(request)

    wire.hook = take_away
    done = over("s3", "update", name, "--tag", "team=mine")
    assert (done.code, "only its record is left" in done.err) == (4, True)


def test_with_a_foreign_bucket_the_row_of_an_earlier_one_of_its_name_goes(
    handrail: Handrail, session: Session, s3: Any, unique: Unique
) -> None:
    name = unique("earlier")
    handrail.ok("s3", "create", name)
    s3.delete_bucket(Bucket=name)
    s3.create_bucket(Bucket=name)
    (handrail.cwd / "any.toml").write_text('s3.manage = "any"\n')
    done = handrail("s3", "delete", name, answers="y\n", HANDRAIL_POLICY=str(handrail.cwd / "any.toml"))
    assert (done.code, f"Handrail did not make {name}. This deletes 1 bucket for good:" in flat(done)) == (0, True)
    assert not exists(s3, name)
    assert session.stores.rows.get(KIND, name) is None


def test_the_bucket_of_another_owner_that_was_named_is_the_one(
    handrail: Handrail, session: Session, unique: Unique
) -> None:
    name = unique("named")
    handrail.ok("s3", "create", name, **OTHER)
    wanted: dict[str, Any] = {"public": None, "put": {"team": "blue"}, "drop": [], "versioning": None}
    intent = replace(intent_of("update", name, "r", **wanted), given={"owner": "dev-2"})
    assert recovered(session, intent)[0] == "succeeded"


@pytest.mark.parametrize(
    ("verb", "resolved"),
    [
        ("create", {}),
        ("create", {"name": "x", "digest": "d", "tags": {"a": 1}, "public": False, "versioning": True}),
        ("update", {"public": "yes", "versioning": None, "put": {}, "drop": []}),
        ("update", {"public": None, "versioning": None, "put": [], "drop": []}),
        ("update", {"public": None, "versioning": None, "put": {}, "drop": [1]}),
        ("upload", {}),
        ("upload", {"bucket": "x", "sums": None}),
        ("remove", {"bucket": "x", "key": 5}),
    ],
)
def test_an_intent_that_cannot_be_read_is_named(session: Session, verb: str, resolved: dict[str, Any]) -> None:
    with pytest.raises(NotSetUp, match="request#r-7/intent of the ledger can't be read"):
        recovery.recover(session, intent_of(verb, "x", "r-7", **resolved))


def test_an_interrupted_upload_or_removal_is_said(
    handrail: Handrail, session: Session, s3: Any, unique: Unique
) -> None:
    name = unique("cut")
    handrail.ok("s3", "create", name)
    told = recovered(session, intent_of("remove", "a", "r", bucket=name))
    assert told == ("failed", f"s3 remove to {name} was interrupted; what arrived is whole.", ())
    s3.create_multipart_upload(Bucket=name, Key="a")
    told = recovered(session, intent_of("upload", "a", "r", bucket=name))
    assert f"; 1 unfinished upload left, see handrail s3 show {name}." in told[1]
    s3.abort_multipart_upload(
        Bucket=name, Key="a", UploadId=s3.list_multipart_uploads(Bucket=name)["Uploads"][0]["UploadId"]
    )
    s3.delete_bucket(Bucket=name)
    assert "not there any more" in recovered(session, intent_of("upload", "a", "r", bucket=name))[1]


def test_an_interrupted_upload_that_is_all_there_is_on_record_as_done(
    handrail: Handrail, session: Session, s3: Any, unique: Unique
) -> None:
    name = unique("whole")
    handrail.ok("s3", "create", name)
    for key in ("a", "b"):
        (handrail.cwd / key).write_bytes(key.encode())
    handrail.ok("s3", "upload", name, "a", "b")
    sums = {key: checksum_text(zlib.crc32(key.encode())) for key in ("a", "b")}
    assert recovered(session, intent_of("upload", name, "r", bucket=name, sums=sums))[0] == "succeeded"
    for wrong in ({"a": sums["b"]}, {**sums, "c": sums["a"]}, {}):
        assert recovered(session, intent_of("upload", name, "r", bucket=name, sums=wrong))[0] == "failed"
    assert recovered(session, intent_of("remove", name, "r", bucket=name, key="a"))[0] == "failed"
    s3.delete_object(Bucket=name, Key="a")
    assert recovered(session, intent_of("remove", name, "r", bucket=name, key="a"))[0] == "succeeded"


def test_the_record_has_the_checksums_of_a_small_upload(handrail: Handrail, session: Session, unique: Unique) -> None:
    name = unique("sums")
    handrail.ok("s3", "create", name)
    (handrail.cwd / "small").write_bytes(b"small")
    (handrail.cwd / "large").write_bytes(bytes(PART + 1))
    done = handrail.json("s3", "upload", name, "small", "large")
    known = [session.stores.record.find(one["request"]) for one in done]
    said = [one.intent.resolved["sums"] if one is not None else None for one in known]
    assert said == [{"small": checksum_text(zlib.crc32(b"small"))}, {}]
    bucket = read_bucket(session, name, "us-east-1")
    assert _sums(bucket, [LocalFile(str(handrail.cwd / "gone"), "gone", "gone", 1)]) == {}


def test_whoever_settles_an_upload_and_may_not_look_at_it_says_what_is_left(session: Session) -> None:
    class Shut:
        def head(self, key: str) -> None:
            raise PermissionDenied("no.", hint="ask")

    assert not recovery._is_done(cast(Any, Shut()), "", {"a": "x"})
    assert not recovery._is_done(cast(Any, Shut()), "a", {})


def test_no_ledger_no_buckets() -> None:
    bare = Stage(has_ledger=False).stores
    with pytest.raises(NotSetUp, match="buckets need one") as refused:
        _ = bare.rows
    assert refused.value.exit_code == 7


@pytest.mark.parametrize("public", [False, True])
def test_the_next_change_settles_a_create_that_was_cut_off(
    handrail: Handrail, sandbox: Sandbox, session: Session, s3: Any, unique: Unique, public: bool
) -> None:
    name, request = unique("cut"), unique("r")
    order = ordered(session, name, request, public=public)
    session.aws.s3.create(name, order.all_tags)
    session.stores.record.intend([intent_of("create", name, request, **order.resolved())])
    sandbox.client("dynamodb").update_item(  # its time has passed
        TableName=LEDGER_TABLE,
        Key={"pk": {"S": "open"}, "sk": {"S": request}},
        UpdateExpression="SET #at = :long_ago",
        ExpressionAttributeNames={"#at": "at"},
        ExpressionAttributeValues={":long_ago": {"N": "1000"}},
    )
    done = handrail.ok("s3", "create", unique("next"))
    finished = f"s3 create {name} was interrupted and is finished"
    not_opened = f"{name} was to be public and is private: handrail s3 update {name} --public"
    assert f"settled what was cut off: s3 create {name} (request {request}) of you: {finished}" in flat(done)
    assert (f"warning: {not_opened}" in flat(done)) is public
    rows = handrail.json("audit", "list", "--resource", name)
    told = [(row["result"], row["message"]) for row in rows if row["request"] == request]
    assert told == [("succeeded", f"{finished}; {not_opened}" if public else finished)]
    assert is_shut(s3, name)


def test_a_request_that_can_only_be_undone_is_put_on_record_as_failed(session: Session, unique: Unique) -> None:
    name = unique("never")
    order = ordered(session, name, "r-1")
    verdict = recovery.recover(session, intent_of("create", name, "r-1", **order.resolved())).verdict
    assert (verdict.result, verdict.resource) == ("failed", name)
