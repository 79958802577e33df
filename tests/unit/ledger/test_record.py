"""The record: intents, outcomes, one chain per principal, whatever gets lost on the way."""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from handrail.aws.dynamodb import CONTENDED, TRANSACTION_LIMIT, Delete, Item, Put
from handrail.core.errors import Conflict, HandrailError, NotSetUp, Throttled, Unreachable
from handrail.core.fields import Parameters, Type, flag, number, text, texts, validate
from handrail.ledger.chain import Head, verify
from handrail.ledger.record import CHAINS, OPEN, Intent, Record, Verdict, digest_of, given_of, joined
from memory_table import DATE, MemoryTable, caller


def record_on(table: MemoryTable, name: str = "dev-1", requester: str = "") -> Record:
    """Return the record as one principal writes it."""
    return Record(table, caller(name), lambda _seconds: None, requester)  # type: ignore[arg-type]


def intent(request: str, operation: str = "ec2 create") -> Intent:
    """Return an intent."""
    return Intent(request, operation, "web", "us-east-1", "sandbox", {"name": "web"}, {"type": "t3.nano"}, "abc")


def chain_of(record: Record, name: str = "dev-1") -> list[dict[str, object]]:
    """Return the entries of a principal's chain."""
    return list(record.entries(f"AID{name}"))


def test_an_intent_and_its_outcome_are_found_again() -> None:
    table = MemoryTable()
    record = record_on(table, requester="anna")
    record.intend([intent("r1")])
    assert [one.request for one in record.unfinished()] == ["r1"]
    table.time += 5
    assert record.settle(Verdict("r1", "succeeded", resource="i-1", instance="i-1", duration_ms=5))
    known = record.find("r1")
    assert known is not None
    assert known.verdict is not None
    assert (known.intent.actor, known.intent.owner, known.intent.requester) == (caller().arn, "dev-1", "anna")
    assert (known.intent.given, known.intent.resolved, known.intent.at) == ({"name": "web"}, {"type": "t3.nano"}, DATE)
    assert (known.verdict.result, known.verdict.instance, known.verdict.by) == ("succeeded", "i-1", caller().arn)
    assert known.verdict.at == DATE + 5
    assert record.unfinished() == []
    assert verify("c", chain_of(record)) == []


def test_what_is_not_on_record_is_not_found() -> None:
    record = record_on(MemoryTable())
    assert record.find("r1") is None
    assert record.heads() == {}


def test_a_request_without_a_name_is_found_again() -> None:
    record = record_on(MemoryTable())
    record.intend_and_settle(Intent("r1", "ec2 create", "", "us-east-1", "sandbox"), Verdict("r1", "refused", 3))
    known = record.find("r1")
    assert known is not None
    assert known.intent.resource == ""


def test_one_outcome_stays_whoever_writes_it() -> None:
    table = MemoryTable()
    first, second = record_on(table), record_on(table, "dev-2")
    first.intend([intent("r1")])
    assert second.settle(Verdict("r1", "failed", 1, by="arn:settler"))
    assert not first.settle(Verdict("r1", "succeeded"))
    known = first.find("r1")
    assert known is not None
    assert known.verdict is not None
    assert (known.verdict.result, known.verdict.by) == ("failed", "arn:settler")
    assert {key[0] for key in table.items if key[0].startswith("chain#")} == {"chain#AIDdev-1", "chain#AIDdev-2"}


def test_a_request_that_ended_before_it_began_is_never_open() -> None:
    table = MemoryTable()
    record = record_on(table)
    record.intend_and_settle(intent("r1"), Verdict("r1", "refused", 3))
    assert record.unfinished() == []
    assert [entry["kind"] for entry in chain_of(record)] == ["intent", "outcome"]


def test_a_request_id_is_taken_once() -> None:
    table = MemoryTable()
    record_on(table).intend([intent("r1")])
    with pytest.raises(Conflict, match="the request id r1 was taken at this moment"):
        record_on(table, "dev-2").intend([intent("r1")])


def test_many_intents_go_in_batches() -> None:
    table = MemoryTable()
    sizes, transact = [], table.transact

    def counted(writes: Sequence[Put | Delete]) -> list[Item | None]:
        sizes.append(len(writes))
        return transact(writes)

    table.transact = counted  # type: ignore[method-assign]
    record = record_on(table)
    record.intend([intent(f"r{number}") for number in range(40)])
    assert sizes == [TRANSACTION_LIMIT, 21]
    assert len(record.unfinished()) == 40
    assert verify("c", chain_of(record)) == []


def test_two_processes_of_one_principal_share_the_chain() -> None:
    table = MemoryTable()
    one, two = record_on(table), record_on(table)
    one.intend([intent("r1")])
    two.intend([intent("r2")])
    one.intend([intent("r3")])
    assert [entry["request"] for entry in chain_of(one)] == ["r1", "r2", "r3"]
    assert verify("c", chain_of(one)) == []


def fails(error: Exception, times: int, *, after: bool = False) -> Callable[[MemoryTable], None]:
    """Make the next transactions of a table fail, before they are carried out or after."""

    def spoil(table: MemoryTable) -> None:
        original, left = table.transact, [times]

        def transact(writes):  # type: ignore[no-untyped-def]
            if left[0] and after:
                original(writes)
            if left[0]:
                left[0] -= 1
                raise error
            return original(writes)

        table.transact = transact  # type: ignore[method-assign]

    return spoil


def test_a_busy_table_is_asked_again() -> None:
    table = MemoryTable()
    fails(Throttled("busy", code=CONTENDED), 3)(table)
    record_on(table).intend([intent("r1")])
    assert len(chain_of(record_on(table))) == 1


def test_a_table_that_aws_slows_down_is_not_hammered() -> None:
    table = MemoryTable()
    fails(Throttled("slow down"), 1)(table)
    with pytest.raises(Throttled, match="slow down"):
        record_on(table).intend([intent("r1")])
    assert table.calls.count("transact") == 0


def test_an_entry_whose_reply_was_lost_is_its_own() -> None:
    """Written, unheard, and answered "busy" when repeated: found again under another place of the chain, it is ours."""
    table = MemoryTable()
    fails(Throttled("busy", code=CONTENDED), 1, after=True)(table)
    record = record_on(table)
    record.intend([intent("r1")])
    assert len(chain_of(record)) == 1
    fails(Throttled("busy", code=CONTENDED), 1, after=True)(table)
    assert record.settle(Verdict("r1", "succeeded"))
    assert len(chain_of(record)) == 2
    assert verify("c", chain_of(record)) == []


def test_a_lost_reply_is_told_and_the_next_entry_finds_its_place() -> None:
    table = MemoryTable()
    record = record_on(table)
    record.intend([intent("r0")])
    fails(Unreachable("cut"), 1, after=True)(table)
    with pytest.raises(Unreachable):
        record.intend([intent("r1")])
    record.intend([intent("r2")])
    assert [entry["request"] for entry in chain_of(record)] == ["r0", "r1", "r2"]
    assert verify("c", chain_of(record)) == []


def test_a_table_that_stays_busy_is_told() -> None:
    table = MemoryTable()
    fails(Throttled("busy", code=CONTENDED), 1000)(table)
    with pytest.raises(Throttled, match="too many commands of yours"):
        record_on(table).intend([intent("r1")])


def test_a_clock_that_goes_back_makes_no_entry_older_than_the_one_before() -> None:
    table = MemoryTable()
    record_on(table).intend([intent("r1")])
    table.time -= 100
    record_on(table).intend([intent("r2")])
    table.time += 200
    record_on(table).intend([intent("r3")])
    assert [entry["at"] for entry in chain_of(record_on(table))] == [DATE * 1000, DATE * 1000, (DATE + 100) * 1000]


def test_entries_and_requests_since_a_time() -> None:
    table = MemoryTable()
    for at, name in enumerate(("dev-1", "dev-2", "dev-1")):
        record = record_on(table, name)
        record.intend([intent(f"r{at}")])
        table.time += 10
    record_on(table).settle(Verdict("r2", "succeeded"))
    record = record_on(table)
    assert [entry["request"] for entry in record.entries_since(0)] == ["r0", "r1", "r2", "r2"]
    assert [known.intent.request for known in joined(record.entries_since(DATE + 5))] == ["r1", "r2"]
    verdicts = [known.verdict.result if known.verdict else None for known in joined(record.entries_since(0))]
    assert verdicts == [None, None, "succeeded"]


def test_the_heads_are_the_last_entries() -> None:
    table = MemoryTable()
    record = record_on(table)
    record.intend([intent("r1"), intent("r2")])
    last = chain_of(record)[-1]
    assert record.heads() == {"AIDdev-1": Head(2, str(last["hash"]))}
    table.items[CHAINS, "AIDempty"] = {"pk": CHAINS, "sk": "AIDempty"}
    assert set(record.heads()) == {"AIDdev-1"}
    del table.items[CHAINS, "AIDdev-1"]
    assert set(record.heads()) == {"AIDdev-1"}


def test_a_survey_finds_chains_that_are_not_listed() -> None:
    table = MemoryTable()
    record = record_on(table)
    record.intend([intent("r1")])
    table.items[OPEN, "other"] = {"pk": OPEN, "sk": "other"}
    del table.items[CHAINS, "AIDdev-1"]
    record_on(table, "dev-2").intend([intent("r2")])
    survey = record.survey()
    assert survey.chains == {"AIDdev-1", "AIDdev-2"}
    assert survey.unlisted == {"AIDdev-1"}
    assert list(survey.copies) == [("r1", "intent"), ("r2", "intent")]
    assert record.copy_of("r1", "intent") == survey.copies["r1", "intent"]
    assert record.now() == table.time


def test_a_chain_that_begins_during_a_survey_is_not_called_unlisted() -> None:
    table = MemoryTable()

    def begins(call: str) -> None:
        if call == "scan":
            record_on(table).intend([intent("r1")])

    table.trouble = begins
    survey = record_on(table).survey()
    assert survey.chains == {"AIDdev-1"}
    assert not survey.unlisted


def test_a_row_that_was_taken_off_the_list_is_put_again_by_the_next_command_without_a_call_more() -> None:
    table = MemoryTable()
    first = record_on(table)
    first.intend([intent("r1")])
    del table.items[CHAINS, "AIDdev-1"]
    first.settle(Verdict("r1", "succeeded"))
    assert first.listed() == []
    table.calls.clear()
    record_on(table).intend([intent("r2")])
    assert first.listed() == ["AIDdev-1"]
    assert table.calls == ["query", "transact", "query"]


@pytest.mark.parametrize(("name", "value"), [("at", "17955.2"), ("given", "{"), ("resolved", "5"), ("given", 5)])
def test_nothing_is_decided_by_a_request_that_cannot_be_read_any_more(name: str, value: object) -> None:
    table = MemoryTable()
    record = record_on(table)
    record.intend([intent("r1")])
    table.items["request#r1", "intent"][name] = value
    with pytest.raises(HandrailError, match="the row request#r1/intent of the ledger can't be read"):
        record.find("r1")


def test_an_edited_time_at_the_end_of_a_chain_is_in_nobodys_way() -> None:
    table = MemoryTable()
    record = record_on(table)
    record.intend([intent("r1"), intent("r2")])
    table.items["chain#AIDdev-1", "000000000002"]["at"] = "17955.2"
    record_on(table).intend([intent("r3")])
    assert verify("c", chain_of(record))[0].kind == "edited"
    assert chain_of(record)[2]["seq"] == 3
    assert record.heads()["AIDdev-1"].seq == 3


@pytest.mark.parametrize("place", ["9", "\u0663", "z", "999999999999", "000000000002"])
def test_nothing_follows_an_end_that_is_none(place: str) -> None:
    table = MemoryTable()
    record = record_on(table)
    record.intend([intent("r1")])
    last = table.items["chain#AIDdev-1", "000000000001"]
    table.items["chain#AIDdev-1", place] = {**last, "sk": place, "seq": 10**12 - 1 if place[0] == "9" else last["seq"]}
    row = re.escape(f"the row chain#AIDdev-1/{place} of the ledger can't be read")
    with pytest.raises(NotSetUp, match=row) as broken:
        record_on(table).intend([intent("r2")])
    assert (broken.value.slug, broken.value.hint) == ("unreadable_row", "handrail audit verify")
    with pytest.raises(NotSetUp, match=row):
        record.heads()
    del table.items["chain#AIDdev-1", place], last["hash"]
    with pytest.raises(NotSetUp, match="hash is missing"):
        record.heads()


def test_an_entry_of_a_time_to_come_dates_no_other() -> None:
    table = MemoryTable()
    record_on(table).intend([intent("r1")])
    table.items["chain#AIDdev-1", "000000000001"]["at"] = (DATE + 86_400) * 1000
    record_on(table).intend([intent("r2")])
    assert chain_of(record_on(table))[1]["at"] == DATE * 1000


def test_what_a_mark_says_else_is_kept() -> None:
    table = MemoryTable()
    record = record_on(table)
    record.intend([intent("r1")])
    table.items[OPEN, "r1"] |= {"later": "kept", "schema": 9}
    table.time += 5
    assert record.renew("r1")
    (one,) = record.unfinished()
    record.put_off(one)
    assert table.items[OPEN, "r1"].items() >= {"later": "kept", "schema": 9, "at": (DATE + 5) * 1000}.items()
    assert "tried" in table.items[OPEN, "r1"]
    record.forget("r1")
    record.put_off(one)
    assert (record.renew("r1"), record.unfinished()) == (False, [])


def test_an_open_request_whose_time_was_edited_counts_as_alive() -> None:
    table = MemoryTable()
    record = record_on(table)
    record.intend([intent("r1")])
    table.items[OPEN, "r1"]["at"] = "17955.2"
    table.time += 1000
    assert [(one.request, one.at) for one in record.unfinished()] == [("r1", table.time)]
    table.items[OPEN, "r1"]["at"] = round(table.time + 3600) * 1000  # nor does one of a time to come
    assert [(one.at, one.dated) for one in record.unfinished()] == [(table.time, False)]


def test_what_was_edited_is_read_as_far_as_it_can_be() -> None:
    table = MemoryTable()
    record = record_on(table)
    record.intend([intent("r1")])
    record.settle(Verdict("r1", "succeeded"))
    table.time += 10
    record.intend([intent("r2")])
    first = table.items["chain#AIDdev-1", "000000000001"]
    table.items["chain#AIDdev-1", "000000000001"] = {**first, "at": "17.5", "given": "{", "seq": "x"}
    del table.items["chain#AIDdev-1", "000000000002"]["result"]
    table.items["chain#AIDdev-1", "000000000003"] |= {"at": "1E+3"}
    known = joined(record.entries_since(DATE - 5))
    assert [(one.intent.request, one.intent.at, one.intent.given) for one in known] == [
        ("r1", 0.0, {}),
        ("r2", 0.0, {"name": "web"}),
    ]
    assert known[0].verdict is not None
    assert known[0].verdict.result == ""


class Given(Parameters):
    """What an operation asks for, of every kind."""

    name = text("a name", default="web")
    count = number("how many")
    tag = texts("tags")
    script = text("a file", type=Type.FILE)
    password = text("a secret", type=Type.SECRET)
    public = flag("for all", default=None, negative="private")
    force = flag("even so")
    wait = flag("waits", default=True, part_of_identity=False)


def test_secrets_and_defaults_are_not_on_record() -> None:
    values = {"name": "web", "count": "2", "tag": ("a=b",), "password": "hunter2", "script": "x.sh"}
    assert given_of(validate(Given, values)) == {"count": 2, "tag": ["a=b"], "script": "x.sh"}


def digest(region: str = "us-east-1", content: str = "", **raw: object) -> str:
    """Return the digest of what was given. content: of a file."""
    given = given_of(validate(Given, raw))
    return digest_of(Given, {**given, "script_sha256": content} if content else given, region)


@pytest.mark.parametrize(
    "raw",
    [{"name": "web"}, {"count": None}, {"tag": ()}, {"script": "x.sh"}, {"force": False}, {"wait": False}],
)
def test_what_says_nothing_new_changes_no_digest(raw: dict[str, Any]) -> None:
    assert digest(**raw) == digest()


@pytest.mark.parametrize(
    "raw",
    [
        *({"region": "eu-west-1"}, {"name": "api"}, {"count": 1}, {"tag": ("a=1",)}, {"content": "feed"}),
        *({"public": False}, {"public": True}, {"force": True}),
    ],
)
def test_what_was_given_changes_the_digest(raw: dict[str, Any]) -> None:
    assert digest(**raw) != digest()
    assert digest(**raw) == digest(**raw)


def test_the_order_of_many_values_changes_no_digest() -> None:
    assert digest(tag=("b=1", "a=2")) == digest(tag=("a=2", "b=1"))


def test_the_digest_is_the_one_on_record() -> None:
    body = b'{"count": 2, "public": false, "region": "us-east-1", "script_sha256": "feed", "tag": ["a", "b"]}'
    assert digest(count=2, tag=("b", "a"), public=False, content="feed") == hashlib.sha256(body).hexdigest()[:16]
