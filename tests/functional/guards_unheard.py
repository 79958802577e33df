"""Guards of what was sent and not heard of, of what two commands do to one bucket, and of what the record proves.

As in guards.py: a scenario passes as things are, and fails with the guard's line removed (test_guards.py).
"""

import _thread
import json
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from guards import KINDS, SAME_HANDS, Guard, run_scenario
from test_upload_meets_opening import OPEN, Meeting

from conftest import Done, Handrail, Sandbox, start_sandbox
from handrail.core.ownership import LEDGER_TABLE
from handrail.sandbox import launcher
from ledger.proxies import Call, Exchange, Spoil, Spoiling, Watched
from wire import Reply


def unique(prefix: str) -> str:
    """Return a name that nothing else has."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


# ---- sent and not heard of


def empty(exchange: Exchange) -> Reply:
    """Return a reply that is AWS's and says nothing."""
    return exchange.reply.saying(body=b"<RunInstancesResponse/>")


def foreign(exchange: Exchange) -> Reply:
    """Return a page of somebody between us and AWS."""
    return exchange.reply.saying(headers={"Content-Type": "text/html"}, body=b"<html>Please sign in</html>")


def interrupted(exchange: Exchange) -> Reply:
    """Return a reply just as the person presses Ctrl-C."""
    _thread.interrupt_main()
    return exchange.reply


def spoiled(handrail: Handrail, sandbox: Sandbox, name: str, how: Spoil, *words: str) -> Done:
    """Run a command line that gets the first reply of a name as `how` makes it."""
    with Watched(sandbox.running.endpoint, Spoiling(name, 1, how)) as proxy:
        return handrail(*words, HANDRAIL_TARGET="sandbox", AWS_ENDPOINT_URL=proxy.endpoint)


@contextmanager
def cutting(sandbox: Sandbox, name: str) -> Iterator[str]:
    """Yield the endpoint of a proxy that drops every call of a name: it may still arrive."""
    with Watched(sandbox.running.endpoint, lambda call, forward: None if call.name == name else forward()) as proxy:
        yield proxy.endpoint


def result_of(handrail: Handrail, operation: str, resource: str) -> str:
    """Return what is on record of the last change of a thing."""
    rows = handrail.json("audit", "list", "--operation", operation)
    return str([row["result"] for row in rows if row["resource"] == resource][-1])


def useless_replies(handrail: Handrail, sandbox: Sandbox) -> None:
    """A reply that can't be used frees no place, however late a Describe shows what was made: never a third."""
    folder = handrail.cwd.parent / "late"
    late = {"HANDRAIL_SANDBOX_LAG": "8", "HANDRAIL_SANDBOX_LAG_FIXED": "1", "HANDRAIL_LEASE_V": "9"}
    slow = start_sandbox(folder, **late)
    try:
        there = Handrail({**handrail.environ, "HANDRAIL_STATE_DIR": str(folder)}, handrail.cwd)
        words = ("ec2", "create", "--no-wait", "--name")
        codes = [
            spoiled(there, slow, "ec2:RunInstances", how, *words, f"useless-{number}").code
            for number, how in enumerate((empty, foreign, empty, foreign))
        ]
        made = [action for _, action in slow.writes() if action == "ec2:RunInstances"]
        assert (len(made), codes) == (2, [1, 1, 3, 3])
    finally:
        launcher.stop(folder)


def a_lost_answer(handrail: Handrail, sandbox: Sandbox) -> None:
    """What was sent, and whose answer never came, is not on record as failed."""
    made = handrail.json("ec2", "create", "--name", "web")
    with cutting(sandbox, "ec2:StopInstances") as endpoint:
        done = handrail("ec2", "stop", "web", AWS_ENDPOINT_URL=endpoint, HANDRAIL_TARGET="sandbox")
    assert (done.code, result_of(handrail, "ec2 stop", made["id"])) == (1, "open")


def a_sudden_end(handrail: Handrail, sandbox: Sandbox) -> None:
    """What was sent when Ctrl-C came is not on record as failed."""
    name = unique("sudden")
    handrail.ok("s3", "create", name)
    words = ("s3", "update", name, "--tag", "team=blue")
    assert spoiled(handrail, sandbox, "s3:PutBucketTagging", interrupted, *words).code == 130
    assert result_of(handrail, "s3 update", name) == "open"


# ---- an upload and an opening


def cut_upload(handrail: Handrail, sandbox: Sandbox, bucket: str, file: str) -> Done:
    """Upload a file whose content is on its way for ever."""
    with cutting(sandbox, "s3:PutObject") as endpoint:
        done = handrail("s3", "upload", bucket, file, AWS_ENDPOINT_URL=endpoint, HANDRAIL_TARGET="sandbox")
    assert done.code == 1, done.err
    return done


def is_public(handrail: Handrail, name: str) -> bool:
    """Return whether everyone may read a bucket."""
    return bool(handrail.json("s3", "show", name)["access"] == "public")


def an_upload_under_way(handrail: Handrail, sandbox: Sandbox) -> None:
    """A bucket is not opened while a secret is on its way into it."""
    meeting = Meeting(handrail, sandbox, unique("under-way"))
    cut_upload(handrail, sandbox, meeting.name, "site/.env")
    assert meeting.run(*OPEN).code == 5
    assert not is_public(handrail, meeting.name)


def an_upload_that_came_since(handrail: Handrail, sandbox: Sandbox) -> None:
    """Nor where the upload came when the opening had looked, and was not on record yet."""
    meeting = Meeting(handrail, sandbox, unique("since"))
    planned = Call("s3:ListObjectsV2", 1)
    opened, _ = meeting.held(planned, lambda: cut_upload(handrail, sandbox, meeting.name, "site/.env"), *OPEN)
    assert opened.code == 5, opened.err
    assert not is_public(handrail, meeting.name)


def an_opening_under_way(handrail: Handrail, sandbox: Sandbox) -> None:
    """A secret is not uploaded into a bucket that is being opened."""
    meeting = Meeting(handrail, sandbox, unique("opening"))
    policy = Call("s3:PutBucketPolicy", 1)
    _, uploaded = meeting.held(policy, lambda: meeting.run("s3", "upload", "{}", "site/.env"), *OPEN)
    assert uploaded.code == 3, uploaded.err
    assert meeting.content() == set()


def made_anew_meanwhile(handrail: Handrail, sandbox: Sandbox) -> None:
    """A bucket that somebody else has made anew since the deletion was approved is not deleted."""
    meeting = Meeting(handrail, sandbox, unique("meanwhile"))
    words = ("s3", "delete", "{}", "--yes")

    def make_anew() -> Done:
        meeting.run(*words)
        return meeting.handrail.owner("dev-2").ok("s3", "create", meeting.name)

    deleted, _ = meeting.held(Call("dynamodb:TransactWriteItems", 1), make_anew, *words)
    assert deleted.code == 5, deleted.err
    assert rows_of(sandbox, "own#bucket")[meeting.name]["owner"]["S"] == "dev-2"


# ---- the record


def rows_of(sandbox: Sandbox, pk: str) -> dict[str, Any]:
    """Return the rows of a partition of the ledger by their keys, as a stranger reads them."""
    found = sandbox.client("dynamodb").query(
        TableName=LEDGER_TABLE, KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": {"S": pk}}
    )["Items"]
    return {row["sk"]["S"]: row for row in found}


def settle_old(handrail: Handrail, sandbox: Sandbox, request: str) -> None:
    """Make an open request old, and have others come by until it has ended."""
    row = rows_of(sandbox, "open")[request]
    old = {**row, "at": {"N": str(int(row["at"]["N"]) - 200_000)}}
    sandbox.client("dynamodb").put_item(TableName=LEDGER_TABLE, Item=old)
    for _ in range(8):  # each settles some of what is open, by chance
        if request in rows_of(sandbox, "open"):
            handrail.ok("s3", "create", unique("comes-by"))
    assert request not in rows_of(sandbox, "open")


def cut_off_and_taken(handrail: Handrail, sandbox: Sandbox) -> None:
    """What was cut off ends where somebody else has the name by now, and is not tried for ever."""
    name, s3 = unique("taken"), sandbox.client("s3")
    handrail.ok("s3", "create", name)
    (handrail.cwd / "page.html").write_text("hello\n")
    before = set(rows_of(sandbox, "open"))
    cut_upload(handrail, sandbox, name, "page.html")
    (request,) = set(rows_of(sandbox, "open")) - before
    s3.delete_bucket(Bucket=name)
    s3.create_bucket(Bucket=name)
    settle_old(handrail, sandbox, request)


def cut_off_and_made_anew(handrail: Handrail, sandbox: Sandbox) -> None:
    """What was cut off is not carried out on a bucket that somebody else has made of its name since."""
    name, other = unique("anew"), {"USER": "dev-2", "LOGNAME": "dev-2"}
    handrail.ok("s3", "create", name)
    before = set(rows_of(sandbox, "open"))
    words = ("s3", "update", name, "--tag", "team=mine", "--versioning", "on")
    assert spoiled(handrail, sandbox, "s3:PutBucketTagging", interrupted, *words).code == 130
    (request,) = set(rows_of(sandbox, "open")) - before
    handrail.ok("s3", "delete", name, "--yes")
    handrail.ok("s3", "create", name, "--public", "--tag", "team=theirs", "--yes", **other)
    theirs = handrail.json("s3", "show", name)
    settle_old(handrail, sandbox, request)
    assert handrail.json("s3", "show", name) == theirs


def verified(handrail: Handrail, *words: str) -> Any:
    """Return what `audit verify` finds, whether it holds or not."""
    return handrail("audit", "verify", "-o", "json", *words).json["faults"]


def a_forged_mark(handrail: Handrail, sandbox: Sandbox) -> None:
    """What stands beside the record is compared with it."""
    handrail("ec2", "stop", "nothing")
    table, key = sandbox.client("dynamodb"), {"pk": {"S": "open"}, "sk": {"S": unique("never")}}
    table.put_item(TableName=LEDGER_TABLE, Item={**key, "operation": {"S": "ec2 stop"}, "at": {"N": "1"}})
    try:
        about = f"open/{key['sk']['S']}"
        assert about in [fault["about"] for fault in verified(handrail)]
    finally:
        table.delete_item(TableName=LEDGER_TABLE, Key=key)


def a_row_put_back(handrail: Handrail, sandbox: Sandbox) -> None:
    """A row whose bucket was deleted is no row, also where its create is on record."""
    name, table = unique("back"), sandbox.client("dynamodb")
    handrail.ok("s3", "create", name)
    row = rows_of(sandbox, "own#bucket")[name]
    handrail.ok("s3", "delete", name, "--yes")
    table.put_item(TableName=LEDGER_TABLE, Item=row)
    try:
        assert f"own#bucket/{name}" in [fault["about"] for fault in verified(handrail)]
    finally:
        table.delete_item(TableName=LEDGER_TABLE, Key={"pk": row["pk"], "sk": row["sk"]})


def a_place_of_another(handrail: Handrail, sandbox: Sandbox) -> None:
    """A place is its owner's who is on record for the create that its key names."""
    name, table = unique("web"), sandbox.client("dynamodb")
    handrail.ok("ec2", "create", "--name", name, "--request-id", name)
    handrail.ok("ec2", "delete", name, "--yes")
    item = rows_of(sandbox, "lease")["holders"]
    place = {"state": "reserved", "requests": [name], "until": 0, "owner": "dev-9", "region": "us-east-1"}
    places = {**json.loads(item["places"]["S"]), f"create:{name}": place}
    table.put_item(TableName=LEDGER_TABLE, Item={**item, "places": {"S": json.dumps(places)}})
    try:
        assert f"lease/holders/create:{name}" in [fault["about"] for fault in verified(handrail)]
    finally:
        table.put_item(TableName=LEDGER_TABLE, Item=item)


def a_chain_of_another(handrail: Handrail, sandbox: Sandbox) -> None:
    """A chain is its principal's whom its entries name, not anybody's whom the list of chains names."""
    handrail("ec2", "stop", "nothing")
    table, (chain, row) = sandbox.client("dynamodb"), next(iter(rows_of(sandbox, "chains").items()))
    table.put_item(TableName=LEDGER_TABLE, Item={**row, "actor": {"S": "arn:aws:iam::000000000000:user/mallory"}})
    try:
        assert (chain, "moved") in [(fault["chain"], fault["kind"]) for fault in verified(handrail)]
    finally:
        table.put_item(TableName=LEDGER_TABLE, Item=row)


def a_forged_record(handrail: Handrail, sandbox: Sandbox) -> None:
    """An anchor shows what its heads do not fit, also where every hash of the record fits."""
    handrail("ec2", "stop", "nothing")
    anchor = handrail.cwd / "anchor.json"
    handrail.ok("audit", "anchor", anchor.name)
    text = anchor.read_text()
    for head in json.loads(text)["heads"].values():
        text = text.replace(head["hash"], "0" * len(head["hash"]))
    anchor.write_text(text)
    kinds = {fault["kind"] for fault in verified(handrail, "--since-anchor", anchor.name)}
    assert "edited" in kinds


def an_anchor_without_a_lock(handrail: Handrail, sandbox: Sandbox) -> None:
    """An anchor is not put where it can be taken away, unless that was asked for."""
    name = unique("no-lock")
    handrail.ok("s3", "create", name)
    assert handrail("audit", "anchor", "--bucket", name).code == 5
    assert "Contents" not in sandbox.client("s3").list_objects_v2(Bucket=name)


# ---- the places


def a_forged_condemned_place(handrail: Handrail, sandbox: Sandbox) -> None:
    """A condemned place ends nothing but what its own request made: nothing foreign, nothing that holds a place."""
    held = handrail.json("ec2", "create", "--name", "held", "--no-wait")["id"]
    foreign = sandbox.launch("theirs")
    item = rows_of(sandbox, "lease")["holders"]
    places = json.loads(item["places"]["S"])
    (like,) = [place for place in places.values() if place["instance"] == held]
    for instance in (held, foreign):
        key = unique("condemned")
        places[f"create:{key}"] = {**like, "state": "ending", "instance": instance, "requests": [key], "until": 1}
    sandbox.client("dynamodb").put_item(TableName=LEDGER_TABLE, Item={**item, "places": {"S": json.dumps(places)}})
    try:
        handrail.ok("lease", "list")
        states = {id: one["State"]["Name"] for id, one in sandbox.instances().items()}
        assert (states[held], states[foreign]) == ("running", "running")
    finally:
        sandbox.client("dynamodb").put_item(TableName=LEDGER_TABLE, Item=item)


RECORDING, VERIFY = "journal.py", "operations/audit_verify.py"
AGREEMENT = "ledger/agreement.py"

GUARDS = (
    Guard("no place freed", "aws/fencing.py", 'if gate is not None and is_definite(getattr(error, "response", None) or '
          "{}):", "if gate is not None:", useless_replies),
    Guard("no answer is no no", "aws/failures.py", "origin.is_change):\n        return Acted.UNKNOWN",
          "origin.is_change):\n        return Acted.NO", a_lost_answer),
    Guard("what was sent is open", RECORDING,
          "return Acted.UNKNOWN if request in self._plan.known or self._has_sent else Acted.NO", "return Acted.NO",
          a_sudden_end),
    Guard("opening looks for uploads", "operations/s3/meeting.py",
          '_alive(session, name, "s3 upload"):', "():", an_upload_under_way),
    Guard("opening looks last", "operations/s3/access.py", "    check_no_upload(session, name)\n", "",
          an_upload_that_came_since),
    Guard("upload looks for openings", "operations/s3/upload.py", "if is_being_opened(session, now.name):",
          "if False:", an_opening_under_way),
    Guard("what was approved is it", KINDS, SAME_HANDS, "if True:", made_anew_meanwhile),
    Guard("what is cut off ends", RECORDING,
          'final = isinstance(error, (NotFound, Refused, WrongState)) and error.slug != "busy"', "final = False",
          cut_off_and_taken),
    Guard("ends only its own", "ledger/settling.py",
          "if verdict is Verdict.TERMINATE and rules.may_end(place, seen, state.places):",
          "if verdict is Verdict.TERMINATE:", a_forged_condemned_place),
    Guard("agreement", VERIFY, "disagreements(story_of(read), survey.beside, record.now(), ledger.times)", "[]",
          a_forged_mark),
    Guard("rows are of what is there", AGREEMENT, " or _is_past(told, histories.get((kind, name), ()))", "",
          a_row_put_back),
    Guard("places are of their create", AGREEMENT, "return _is_not_of(story.get(name), name, place) or ", "return ",
          a_place_of_another),
    Guard("what is cut off is its own", "operations/s3/recovery.py",
          'bool(row.request != made_by)', "False", cut_off_and_made_anew),
    Guard("chains are their writers'", VERIFY, "unlike_list(chain, items, principals[chain])", "[]",
          a_chain_of_another),
    Guard("anchors are compared", VERIFY, "pins_of(chain, anchors))", "[])", a_forged_record),
    Guard("anchors are locked", "operations/audit_anchor.py", '    if values.weak:\n', "    if True:\n",
          an_anchor_without_a_lock),
)  # fmt: skip


if __name__ == "__main__":
    run_scenario(GUARDS, *sys.argv[1:])
