"""DynamoDB's transactions in the sandbox: one that fails leaves nothing; a large table costs what a small one does."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Sandbox


@pytest.fixture
def table(sandbox: Sandbox, unique: Callable[[str], str]) -> tuple[Any, str]:
    """Return a stranger's client and a new table with the keys pk and sk."""
    dynamodb, name = sandbox.client("dynamodb"), unique("table")
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    return dynamodb, name


def item(number: int, **more: Any) -> dict[str, Any]:
    """Return an item."""
    return {"pk": {"S": f"p{number % 7}"}, "sk": {"S": f"{number:06}"}, **more}


def put(name: str, number: int, **more: Any) -> dict[str, Any]:
    """Return a put of an item that must not exist."""
    return {"Put": {"TableName": name, "Item": item(number), "ConditionExpression": "attribute_not_exists(pk)", **more}}


def contents(dynamodb: Any, name: str) -> list[Any]:
    """Return everything in a table, in order."""
    return sorted(dynamodb.scan(TableName=name)["Items"], key=str)


def test_a_transaction_that_fails_leaves_nothing(table: tuple[Any, str]) -> None:
    dynamodb, name = table
    for number in range(3):
        dynamodb.put_item(TableName=name, Item=item(number, n={"N": "1"}))
    before = contents(dynamodb, name)
    update = {
        "Update": {
            "TableName": name,
            "Key": item(1),
            "UpdateExpression": "SET n = :two",
            "ExpressionAttributeValues": {":two": {"N": "2"}},
        }
    }
    delete = {"Delete": {"TableName": name, "Key": item(2)}}
    for writes in ([put(name, 9), delete, put(name, 0)], [put(name, 9), update, delete, put(name, 0)]):
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            dynamodb.transact_write_items(TransactItems=writes)
        assert contents(dynamodb, name) == before
    dynamodb.transact_write_items(TransactItems=[put(name, 9), update, delete])
    assert contents(dynamodb, name) == sorted([item(0, n={"N": "1"}), item(1, n={"N": "2"}), item(9)], key=str)


def test_a_large_table_costs_no_more_than_a_small_one(table: tuple[Any, str]) -> None:
    """A ratio, not a time: with a copy of the table for each write it is above a hundred."""
    dynamodb, name = table

    def quickest(start: int) -> float:
        times = []
        for turn in range(5):
            began = time.perf_counter()
            first = start + 4 * turn
            dynamodb.transact_write_items(TransactItems=[put(name, first + number) for number in range(4)])
            times.append(time.perf_counter() - began)
        return min(times)

    small = quickest(0)
    for start in range(1000, 4000, 25):
        rows = [{"PutRequest": {"Item": item(number)}} for number in range(start, start + 25)]
        dynamodb.batch_write_item(RequestItems={name: rows})
    assert quickest(10_000) < 8 * small
