"""One DynamoDB table as plain values: conditional writes, transactions, paged reads, the date of each reply."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from handrail.aws.answers import date_of
from handrail.aws.failures import ask, aws_failures_explained
from handrail.aws.paging import pages
from handrail.aws.service import Answer, Failure, Service
from handrail.aws.unanswered import NotAwsError, host_of
from handrail.core.errors import AwsFailure, Conflict, NotSetUp, Throttled, Unreachable, Usage, WrongState

Item = dict[str, Any]
Key = tuple[str, str]
HASH, RANGE = "pk", "sk"
CONTENDED = "contended"  # the slug of the error that a moment's patience cures
TRANSACTION_LIMIT = 100  # items of one TransactWriteItems
_WHOLE = re.compile(r"-?[0-9]+\Z")

# Sources: Amazon DynamoDB API reference; service authorization reference, Amazon DynamoDB.
SERVICE = Service(
    "dynamodb",
    reads=("BatchGet", "Describe", "Get", "List", "Query", "Scan", "TransactGet"),
    answers={
        "GetItem": Answer("Item?.pk Item?.sk", dated=True),  # no Item: there is none
        "PutItem DeleteItem TransactWriteItems": Answer(dated=True),  # a write is answered with an empty object
        "Query Scan": Answer("Items Count Items[].pk Items[].sk", counted="Items", dated=True),  # its keys are its own
        "DescribeTable": Answer("Table.TableStatus"),
        "CreateTable UpdateTable": Answer("TableDescription"),
        "DescribeContinuousBackups": Answer("ContinuousBackupsDescription.ContinuousBackupsStatus"),
        "UpdateContinuousBackups": Answer("ContinuousBackupsDescription"),
        "DescribeTimeToLive": Answer("TimeToLiveDescription.TimeToLiveStatus"),
        "UpdateTimeToLive": Answer("TimeToLiveSpecification"),
    },
    needs={
        "CreateTable": {"dynamodb:CreateTable": "", "dynamodb:TagResource": "Tags"},
        "TransactWriteItems": {
            "dynamodb:PutItem": "TransactItems[].Put",
            "dynamodb:UpdateItem": "TransactItems[].Update",
            "dynamodb:DeleteItem": "TransactItems[].Delete",
            "dynamodb:ConditionCheckItem": "TransactItems[].ConditionCheck",
        },
    },
    failures={
        "ResourceNotFoundException": Failure(
            NotSetUp,
            "the account's ledger was not found in {region}.",
            "handrail init, or set HANDRAIL_HOME_REGION",
            "no_ledger",
        ),
        "ResourceInUseException": Failure(
            WrongState, "{subject} is being made or removed at this moment.", "repeat the command"
        ),
        "ConditionalCheckFailedException TransactionCanceledException TransactionConflictException": Failure(
            Conflict, "somebody else changed {subject} at the same time.", "repeat the command"
        ),
        "ValidationException": Failure(
            Usage,
            "the ledger does not take this value: {text}",
            "shorten it where you gave it; else it is that of a row of the ledger: handrail audit verify",
        ),
    },
)
_SKEW = 5.0  # seconds by which a Date header may lag behind by itself: whole seconds, and the way here


@dataclass(frozen=True)
class Reply:
    """One answer. item: what was read, or what stood in the way of a write. date: its Date header, epoch seconds."""

    item: Item | None
    date: int


@dataclass(frozen=True)
class Put:
    """One write of a transaction: the item, and its condition.

    unless_exists: it must not exist yet. version: as in `Table.put`, in its stead.
    """

    item: Mapping[str, Any]
    unless_exists: bool = True
    version: tuple[str, int] | None = None

    @property
    def key(self) -> Key:
        """Return the key of what it writes."""
        return self.item[HASH], self.item[RANGE]


@dataclass(frozen=True)
class Delete:
    """One removal of a transaction."""

    key: Key


class Foreign(str):
    """A value of a type that is not written here, as text: written back as it came. raw: as DynamoDB has it."""

    raw: Mapping[str, Any]

    def __new__(cls, kind: str, value: Any) -> "Foreign":
        """Return the value that DynamoDB types as `kind`."""
        new = super().__new__(cls, value if kind == "N" else f"{kind}:{value}")
        new.raw = {kind: value}
        return new


class Table:
    """A table with the string keys `pk` and `sk`. Values are text, whole numbers and truth values."""

    def __init__(self, client: Any, name: str, clock: Callable[[], float] = time.time) -> None:
        self._client, self.name, self._clock = client, name, clock
        self._ahead: float | None = None

    def now(self) -> float:
        """Return the time of day (epoch seconds): this machine's, put right where DynamoDB's replies say it is off."""
        ahead = self._ahead or 0.0
        return self._clock() + (ahead if abs(ahead) > _SKEW else 0.0)

    def _date(self, reply: Mapping[str, Any]) -> int:
        """Return the Date header of a reply, the one clock that every client of a table shares (RFC 9110, 6.6.1)."""
        date = date_of(reply["ResponseMetadata"]["HTTPHeaders"])
        if date is None:  # of a refusal: those that are no refusals have one (aws/answers.py)
            raise Unreachable(
                "the answer has no date, and so tells nobody how things stand.", hint="repeat the command"
            )
        ahead = date - self._clock()
        self._ahead = ahead if self._ahead is None else max(self._ahead, ahead)  # the quickest reply knows best
        return date

    def get(self, key: Key) -> Reply:
        """Return an item, strongly consistent; item None if there is none."""
        with aws_failures_explained("dynamodb:GetItem", subject=self.name):
            reply = self._client.get_item(TableName=self.name, Key=_key(key), ConsistentRead=True)
            item = _plain(reply.get("Item"))
            self._check("GetItem", item, _is(key))
        return Reply(item, self._date(reply))

    def _check(self, api: str, item: Item | None, fits: Callable[[str, str], bool]) -> None:
        """Raise NotAwsError for an item whose key is not one that was asked for: it tells nothing of that one."""
        if item is None:
            return
        pk, sk = item.get(HASH), item.get(RANGE)
        if type(pk) is not str or type(sk) is not str or not fits(pk, sk):  # what is Foreign is text too
            raise NotAwsError(api, host_of(self._client.meta.endpoint_url), "", "it has a row that nobody asked for")

    def put(
        self,
        item: Mapping[str, Any],
        *,
        version: tuple[str, int] | None = None,
        unless_exists: bool = False,
        if_exists: bool = False,
    ) -> Reply:
        """Write an item. Returns item None where it was written, else what is there, empty if nothing is.

        version: (attribute, number) that the item must still have, 0 for none at all. unless_exists: it must be new.
        if_exists: it must be there already.
        """
        condition = _condition(version, unless_exists=unless_exists, if_exists=if_exists)
        call: dict[str, Any] = {"TableName": self.name, "Item": _typed(item), **condition}
        with aws_failures_explained("dynamodb:PutItem", subject=self.name):
            try:
                return Reply(None, self._date(self._client.put_item(**call)))
            except self._client.exceptions.ConditionalCheckFailedException as refused:
                there = _plain(refused.response.get("Item"))
                self._check("PutItem", there, _is((item[HASH], item[RANGE])))
                return Reply(there or {}, self._date(refused.response))

    def transact(self, writes: Sequence[Put | Delete]) -> list[Item | None]:
        """Make all writes or none. Returns, per write, what stood in its way; all None where they were written.

        Raises Throttled with the slug `contended` where another transaction is at work on one of them.
        """
        actions = [self._action(write) for write in writes]
        with aws_failures_explained("dynamodb:TransactWriteItems", subject=self.name):
            try:
                self._client.transact_write_items(TransactItems=actions)
            except self._client.exceptions.TransactionCanceledException as cancelled:
                obstacles = _obstacles(cancelled.response, len(writes))
                for write, there in zip(writes, obstacles, strict=True):
                    self._check("TransactWriteItems", there or None, _is(write.key))
                return obstacles
            except self._client.exceptions.TransactionInProgressException:
                # An attempt whose reply was lost is still at work: what it came to shows when it is asked again.
                raise _busy() from None
        return [None] * len(writes)

    def _action(self, write: Put | Delete) -> dict[str, Any]:
        if isinstance(write, Delete):
            return {"Delete": {"TableName": self.name, "Key": _key(write.key)}}
        condition = _condition(write.version, unless_exists=write.unless_exists and write.version is None)
        return {"Put": {"TableName": self.name, "Item": _typed(write.item), **condition}}

    def delete(self, key: Key, having: tuple[str, str] | None = None) -> None:
        """Delete an item, if it is there. having: (attribute, text) that it must have; one that has not stays."""
        call: dict[str, Any] = {"TableName": self.name, "Key": _key(key)}
        if having is not None:
            call["ConditionExpression"] = "#a = :a"
            call["ExpressionAttributeNames"] = {"#a": having[0]}
            call["ExpressionAttributeValues"] = {":a": {"S": having[1]}}
        with (
            aws_failures_explained("dynamodb:DeleteItem", subject=self.name),
            suppress(self._client.exceptions.ConditionalCheckFailedException),
        ):
            self._client.delete_item(**call)

    def query(self, pk: str, *, backwards: bool = False, limit: int | None = None, after: str = "") -> Iterator[Item]:
        """Yield the items of a partition in the order of `sk`, strongly consistent; those after `after` only."""
        call: dict[str, Any] = {
            "KeyConditionExpression": f"{HASH} = :p" + (f" AND {RANGE} > :a" if after else ""),
            "ExpressionAttributeValues": {":p": {"S": pk}, **({":a": {"S": after}} if after else {})},
            "ScanIndexForward": not backwards,
            "ConsistentRead": True,
        }
        if limit is not None:
            call["Limit"] = limit
        for page in self._pages("Query", call, lambda one, sk: one == pk and sk > after):
            self._date(page)
            yield from page["Items"]
            if limit is not None:
                return

    def scan(self) -> Iterator[Item]:
        """Yield every item of the table, strongly consistent."""
        for page in self._pages("Scan", {"ConsistentRead": True}, lambda _pk, _sk: True):
            yield from page["Items"]

    def _pages(
        self, api: str, call: Mapping[str, Any], fits: Callable[[str, str], bool]
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the pages of a listing, their items as plain values; fits: whether a key is one that was asked for."""

        def look(**parameters: Any) -> Mapping[str, Any]:
            with aws_failures_explained(f"dynamodb:{api}", subject=self.name):
                page = ask(self._client, f"dynamodb:{api}", self.name, TableName=self.name, **parameters)
                items = [_plain(raw) or {} for raw in page["Items"]]
                for item in items:
                    self._check(api, item, fits)
            return {**page, "Items": items}

        return pages(look, call, {"LastEvaluatedKey": "ExclusiveStartKey"}, "Items")


def _is(key: Key) -> Callable[[str, str], bool]:
    return lambda pk, sk: (pk, sk) == key


def _key(key: Key) -> dict[str, dict[str, str]]:
    return {HASH: {"S": key[0]}, RANGE: {"S": key[1]}}


def _typed(item: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    def typed(value: Any) -> dict[str, Any]:
        if isinstance(value, Foreign):
            return dict(value.raw)
        if isinstance(value, bool):
            return {"BOOL": value}
        return {"N": str(value)} if isinstance(value, int) else {"S": value}

    return {name: typed(value) for name, value in item.items() if value is not None}


def _plain(item: Mapping[str, Mapping[str, Any]] | None) -> Item | None:
    return {name: _value(*next(iter(value.items()), ("", ""))) for name, value in item.items()} if item else None


def _value(kind: str, raw: Any) -> Any:
    """Return a value that DynamoDB types as `kind`. What this class never writes is Foreign: somebody edited it.

    A check of the record must be able to say so, and so must not stumble over it.
    """
    if kind == "N":
        return int(raw) if _WHOLE.match(str(raw)) else Foreign(kind, raw)
    return raw if kind in ("S", "BOOL") else Foreign(kind, raw)


def _obstacles(response: Mapping[str, Any], writes: int) -> list[Item | None]:
    """Return what stood in the way of each write of a cancelled transaction; at least one did.

    Source: DynamoDB API reference, TransactWriteItems, "CancellationReasons".
    """
    reasons = response.get("CancellationReasons", ())
    codes = {reason.get("Code") for reason in reasons} - {None, "None"}
    if codes & _CONTENDED:
        raise _busy()
    if codes != {"ConditionalCheckFailed"} or len(reasons) != writes:
        why = ", ".join(sorted(codes)) or "no reason given"
        raise AwsFailure(
            f"AWS cancelled a write to the ledger: {why}.", hint="repeat it with -vv, which shows each call"
        )
    return [
        (_plain(reason.get("Item")) or {}) if reason.get("Code") == "ConditionalCheckFailed" else None
        for reason in reasons
    ]


def _condition(
    version: tuple[str, int] | None, *, unless_exists: bool = False, if_exists: bool = False
) -> dict[str, Any]:
    """Return the members of a write that make it conditional, none where it is not."""
    found: dict[str, Any] = {}
    if unless_exists or (version is not None and version[1] == 0):
        found["ConditionExpression"] = f"attribute_not_exists({HASH})"
    elif if_exists:
        found["ConditionExpression"] = f"attribute_exists({HASH})"
    elif version is not None:
        found["ConditionExpression"] = "#v = :v"
        found["ExpressionAttributeNames"] = {"#v": version[0]}
        found["ExpressionAttributeValues"] = {":v": {"N": str(version[1])}}
    return {**found, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"} if found else {}


_CONTENDED = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


def _busy() -> Throttled:
    return Throttled("somebody else is writing to the ledger.", hint="repeat the command", code=CONTENDED)
