"""The table as plain values, against botocore's Stubber: what is sent, and what each answer becomes."""

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from handrail.aws.dynamodb import Delete, Put, Table
from handrail.core.errors import AwsFailure, NotSetUp, Throttled, Unreachable

DATE = {"HTTPStatusCode": 200, "HTTPHeaders": {"date": "Sun, 22 Nov 2026 20:55:00 GMT"}}
EPOCH = 1795380900
ROW = {"pk": {"S": "a"}, "sk": {"S": "b"}}


@pytest.fixture
def stub() -> Iterator[tuple[Table, Stubber]]:
    session = botocore.session.Session()
    session.set_credentials("key", "secret")
    client = session.create_client("dynamodb", region_name="us-east-1")
    with Stubber(client) as stubber:
        yield Table(client, "t", lambda: EPOCH + 0.5), stubber
        stubber.assert_no_pending_responses()


def answers(stubber: Stubber, call: str, reply: dict[str, Any], **expected: Any) -> None:
    """Queue a reply, and what must have been sent."""
    stubber.add_response(
        call, {**reply, "ResponseMetadata": DATE}, {"TableName": "t", **expected} if expected else None
    )


def test_get_is_consistent_and_dated(stub: tuple[Table, Stubber]) -> None:
    table, stubber = stub
    item = {"pk": {"S": "a"}, "sk": {"S": "b"}, "n": {"N": "5"}, "yes": {"BOOL": True}}
    answers(stubber, "get_item", {"Item": item}, Key={"pk": {"S": "a"}, "sk": {"S": "b"}}, ConsistentRead=True)
    answers(stubber, "get_item", {})
    assert table.get(("a", "b")).item == {"pk": "a", "sk": "b", "n": 5, "yes": True}
    reply = table.get(("a", "b"))
    assert (reply.item, reply.date) == (None, EPOCH)


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ({"N": "-17"}, -17),
        ({"N": "17955.2711912"}, "17955.2711912"),
        ({"N": "1E+3"}, "1E+3"),
        ({"N": "1_0"}, "1_0"),
        ({"B": b"x"}, "B:b'x'"),
        ({"NULL": True}, "NULL:True"),
        ({"L": [{"S": "x"}]}, "L:[{'S': 'x'}]"),
    ],
)
def test_what_is_never_written_is_read_as_text(stub: tuple[Table, Stubber], raw: dict[str, Any], plain: Any) -> None:
    """Somebody edited it: whoever checks the record must be able to look at it."""
    table, stubber = stub
    answers(stubber, "get_item", {"Item": {"pk": {"S": "a"}, "sk": {"S": "b"}, "n": raw}})
    assert table.get(("a", "b")).item == {"pk": "a", "sk": "b", "n": plain}


@pytest.mark.parametrize(
    ("how", "condition"),
    [
        ({}, None),
        ({"unless_exists": True}, "attribute_not_exists(pk)"),
        ({"if_exists": True}, "attribute_exists(pk)"),
        ({"version": ("version", 0)}, "attribute_not_exists(pk)"),
        ({"version": ("version", 4)}, "#v = :v"),
    ],
)
def test_put_under_a_condition(stub: tuple[Table, Stubber], how: dict[str, Any], condition: str | None) -> None:
    table, stubber = stub
    expected: dict[str, Any] = {"Item": {"pk": {"S": "a"}, "n": {"N": "1"}, "ok": {"BOOL": True}}}
    if condition:
        expected |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    if condition == "#v = :v":
        expected |= {"ExpressionAttributeNames": {"#v": "version"}, "ExpressionAttributeValues": {":v": {"N": "4"}}}
    answers(stubber, "put_item", {}, **expected)
    assert table.put({"pk": "a", "n": 1, "ok": True, "none": None}, **how).item is None


@pytest.mark.parametrize(("there", "found"), [({"Item": ROW}, {"pk": "a", "sk": "b"}), ({}, {})])
def test_put_says_what_stands_in_the_way(
    stub: tuple[Table, Stubber], there: dict[str, Any], found: dict[str, Any]
) -> None:
    table, stubber = stub
    stubber.add_client_error(
        "put_item", "ConditionalCheckFailedException", "no", 400, response_meta=DATE, modeled_fields=there
    )
    assert table.put({"pk": "a", "sk": "b"}, unless_exists=True).item == found


def test_a_table_that_is_not_there(stub: tuple[Table, Stubber]) -> None:
    table, stubber = stub
    stubber.add_client_error("get_item", "ResourceNotFoundException", "no", 400, response_meta=DATE)
    with pytest.raises(NotSetUp):
        table.get(("a", "b"))


WRITES: list[Put | Delete] = [
    Put({"pk": "a", "sk": "1"}),
    Put({"pk": "b", "sk": "1"}, unless_exists=False),
    Delete(("c", "1")),
]


def test_a_transaction_says_what_it_wants(stub: tuple[Table, Stubber]) -> None:
    table, stubber = stub
    a, b, c = ({"pk": {"S": name}, "sk": {"S": "1"}} for name in "abc")
    condition = {"ConditionExpression": "attribute_not_exists(pk)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    actions = [
        {"Put": {"TableName": "t", "Item": a, **condition}},
        {"Put": {"TableName": "t", "Item": b}},
        {"Delete": {"TableName": "t", "Key": c}},
    ]
    stubber.add_response("transact_write_items", {}, {"TransactItems": actions})
    assert table.transact(WRITES) == [None, None, None]


def cancelled(stubber: Stubber, *reasons: dict[str, Any]) -> None:
    """Queue a cancelled transaction as AWS tells it."""
    stubber.add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        "Transaction cancelled, please refer cancellation reasons for specific reasons",
        400,
        modeled_fields={"CancellationReasons": list(reasons)},
    )


NONE = {"Code": "None"}
FAILED = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}


def test_a_cancelled_transaction_says_what_stood_in_the_way(stub: tuple[Table, Stubber]) -> None:
    table, stubber = stub
    cancelled(stubber, {**FAILED, "Item": {"pk": {"S": "a"}, "sk": {"S": "1"}}}, NONE, FAILED)
    assert table.transact(WRITES) == [{"pk": "a", "sk": "1"}, None, {}]


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_in_the_way_of_another_is_tried_again(stub: tuple[Table, Stubber], code: str) -> None:
    table, stubber = stub
    cancelled(stubber, {"Code": code}, NONE, FAILED)
    with pytest.raises(Throttled):
        table.transact(WRITES)


def test_a_transaction_that_is_still_at_work_is_tried_again(stub: tuple[Table, Stubber]) -> None:
    table, stubber = stub
    stubber.add_client_error("transact_write_items", "TransactionInProgressException", "wait", 400)
    with pytest.raises(Throttled):
        table.transact(WRITES)


@pytest.mark.parametrize(
    ("reasons", "why"),
    [
        ([{"Code": "ValidationError"}, NONE, NONE], "ValidationError"),
        ([NONE, NONE, NONE], "no reason given"),
        ([FAILED], "ConditionalCheckFailed"),
    ],
)
def test_a_transaction_cancelled_for_anything_else_is_never_taken_for_written(
    stub: tuple[Table, Stubber], reasons: list[dict[str, Any]], why: str
) -> None:
    table, stubber = stub
    cancelled(stubber, *reasons)
    with pytest.raises(AwsFailure, match=why):
        table.transact(WRITES)


def test_delete(stub: tuple[Table, Stubber]) -> None:
    table, stubber = stub
    answers(stubber, "delete_item", {}, Key={"pk": {"S": "a"}, "sk": {"S": "b"}})
    table.delete(("a", "b"))
    having = {
        "ConditionExpression": "#a = :a",
        "ExpressionAttributeNames": {"#a": "request"},
        "ExpressionAttributeValues": {":a": {"S": "r"}},
    }
    answers(stubber, "delete_item", {}, Key={"pk": {"S": "a"}, "sk": {"S": "b"}}, **having)
    table.delete(("a", "b"), having=("request", "r"))
    stubber.add_client_error("delete_item", "ConditionalCheckFailedException")
    table.delete(("a", "b"), having=("request", "r"))


def test_query_goes_through_all_pages(stub: tuple[Table, Stubber]) -> None:
    table, stubber = stub
    key = {"pk": {"S": "a"}, "sk": {"S": "1"}}
    asked = {
        "KeyConditionExpression": "pk = :p AND sk > :a",
        "ExpressionAttributeValues": {":p": {"S": "a"}, ":a": {"S": "0"}},
        "ScanIndexForward": True,
        "ConsistentRead": True,
    }
    answers(stubber, "query", {"Items": [key], "LastEvaluatedKey": key}, **asked)
    answers(stubber, "query", {"Items": [key]}, **asked, ExclusiveStartKey=key)
    assert len(list(table.query("a", after="0"))) == 2


def test_query_of_the_newest_one(stub: tuple[Table, Stubber]) -> None:
    table, stubber = stub
    key = {"pk": {"S": "a"}, "sk": {"S": "1"}}
    answers(
        stubber,
        "query",
        {"Items": [key], "LastEvaluatedKey": key},
        KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": "a"}},
        ScanIndexForward=False,
        ConsistentRead=True,
        Limit=1,
    )
    assert list(table.query("a", backwards=True, limit=1)) == [{"pk": "a", "sk": "1"}]


def test_scan_goes_through_all_pages(stub: tuple[Table, Stubber]) -> None:
    table, stubber = stub
    key = {"pk": {"S": "a"}, "sk": {"S": "1"}}
    answers(stubber, "scan", {"Items": [key], "LastEvaluatedKey": key}, ConsistentRead=True)
    answers(stubber, "scan", {"Items": [key]}, ConsistentRead=True, ExclusiveStartKey=key)
    assert len(list(table.scan())) == 2


@pytest.mark.parametrize(("local", "now"), [(EPOCH + 0.5, 0.5), (EPOCH - 3, -3), (EPOCH + 900, 0), (EPOCH - 900, 0)])
def test_the_time_is_dynamodbs_where_the_clock_is_off(local: float, now: float) -> None:
    session = botocore.session.Session()
    session.set_credentials("key", "secret")
    client = session.create_client("dynamodb", region_name="us-east-1")
    table = Table(client, "t", lambda: local)
    assert table.now() == local
    with Stubber(client) as stubber:
        answers(stubber, "get_item", {})
        answers(stubber, "get_item", {})
        table.get(("a", "b"))
        table.get(("a", "b"))
    assert table.now() == EPOCH + now


def test_a_refusal_without_a_date_tells_nothing(stub: tuple[Table, Stubber]) -> None:
    """A lease is a matter of time: whoever lost may not guess it."""
    table, stubber = stub
    stubber.add_client_error("put_item", "ConditionalCheckFailedException", response_meta={"HTTPHeaders": {}})
    with pytest.raises(Unreachable, match="has no date"):
        table.put({"pk": "a", "sk": "b"}, unless_exists=True)


@pytest.mark.parametrize(
    "keys",
    [
        {"pk": {"S": "other"}, "sk": {"S": "b"}},
        {"pk": {"S": "a"}, "sk": {"S": "a"}},
        {"pk": {"S": "a"}, "sk": {"NULL": True}},
        {"pk": {"S": "a"}, "sk": {}},
    ],
)
def test_a_row_that_nobody_asked_for_is_no_answer(stub: tuple[Table, Stubber], keys: dict[str, Any]) -> None:
    table, stubber = stub
    stubber.add_response("get_item", {"Item": keys, "ResponseMetadata": DATE})
    with pytest.raises(Unreachable, match="something between you and AWS answered GetItem"):
        table.get(("a", "b"))
    stubber.add_response("query", {"Items": [keys], "Count": 1, "ResponseMetadata": DATE})
    with pytest.raises(Unreachable, match="something between you and AWS answered Query"):
        list(table.query("a", after="a"))


@pytest.mark.parametrize("sk", [{"N": "5"}, {"B": b"x"}])
def test_a_key_that_is_no_text_is_no_answer(stub: tuple[Table, Stubber], sk: dict[str, Any]) -> None:
    table, stubber = stub
    stubber.add_response("scan", {"Items": [{"pk": {"S": "a"}, "sk": sk}], "Count": 1, "ResponseMetadata": DATE})
    with pytest.raises(Unreachable, match="something between you and AWS answered Scan"):
        list(table.scan())


def test_what_stood_in_the_way_of_a_write_is_of_its_key(stub: tuple[Table, Stubber]) -> None:
    """Else a lease would be judged by what another row says."""
    table, stubber = stub
    other = {"pk": {"S": "a"}, "sk": {"S": "other"}}
    stubber.add_client_error(
        "put_item", "ConditionalCheckFailedException", response_meta=DATE, modeled_fields={"Item": other}
    )
    with pytest.raises(Unreachable, match="answered PutItem"):
        table.put({"pk": "a", "sk": "b"}, unless_exists=True)
    reasons = [{"Code": "ConditionalCheckFailed", "Item": other}]
    stubber.add_client_error(
        "transact_write_items", "TransactionCanceledException", modeled_fields={"CancellationReasons": reasons}
    )
    with pytest.raises(Unreachable, match="answered TransactWriteItems"):
        table.transact([Put({"pk": "a", "sk": "b"})])
