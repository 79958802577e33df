"""Buckets as a kind: whose one is by tags and row together, what is left of it, and whose it is at the last moment."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from handrail.aws.s3 import Settings, Standing, View
from handrail.core.errors import HandrailError, NotFound, NotManaged, PermissionDenied, Unreachable, WrongState
from handrail.core.ownership import ownership_tags
from handrail.core.resources import Bucket
from handrail.core.s3_rules import SHUT, Exposure
from handrail.ledger.record import Intent, Known, Verdict
from handrail.ledger.rows import Row
from handrail.operations.kinds import Target, find, find_one, look_again
from handrail.operations.s3.buckets import BUCKETS, KIND
from stage import Stage

ANY = '[s3]\nmanage = "any"'
FREE, OURS, SHIELDED = Standing(is_free=True), Standing(False, is_reachable=True, region="eu-west-1"), Standing(False)
TAGS = ownership_tags("dev-1", "r1")
ROW = Row(KIND, "press", "dev-1", "r1", "eu-west-1", 900)
PRIVATE = Exposure(policy=False, bucket=SHUT, account=SHUT)
UNREAD = View({}, PRIVATE, ("s3:GetBucketTagging",))


class PlayedS3:
    """An S3 that says this of every name. looked: at which names."""

    def __init__(self, standing: Standing | HandrailError, tags: dict[str, str] | None = None, **view: Any) -> None:
        self._standing, self.looked = standing, list[str]()
        self._view = view.get("view") or View(tags or {}, PRIVATE)

    def standing(self, name: str, region: str) -> Standing:
        """Say whether it is there."""
        if isinstance(self._standing, HandrailError):
            raise self._standing
        return self._standing

    def view(self, name: str, region: str) -> View:
        """Say what can be seen of it, in the region where it is."""
        assert region == "eu-west-1"
        self.looked.append(name)
        return self._view

    def settings(self, name: str, region: str, *, lock: bool) -> Settings:
        """Say how it is set up."""
        return Settings(versioning="on", object_lock="on" if lock else None)


def stage_of(s3: PlayedS3, *rows: Row, policy: str = "") -> Stage:
    """Return a stage with these rows."""
    stage = Stage(s3=s3, policy=policy)
    for row in rows:
        stage.stores.rows.put(row)
    return stage


def error_of(s3: PlayedS3, *rows: Row, policy: str = "") -> HandrailError:
    """Return why press is no bucket that can be found."""
    with pytest.raises(HandrailError) as caught:
        find_one(stage_of(s3, *rows, policy=policy), BUCKETS, "press")
    return caught.value


# ---- what a name means


def test_a_bucket_is_ours_by_its_tags_and_its_row_together() -> None:
    bucket = find_one(stage_of(PlayedS3(OURS, TAGS), ROW), BUCKETS, "press").one
    assert (bucket.owner, bucket.request, bucket.region, bucket.managed) == ("dev-1", "r1", "eu-west-1", True)
    assert (bucket.access, BUCKETS.state_of(bucket), bucket.is_gone, bucket.id) == (
        "private",
        "private",
        False,
        "press",
    )


@pytest.mark.parametrize(
    ("standing", "row", "tags"),
    [
        (OURS, None, TAGS),
        (OURS, ROW, {}),
        (OURS, ROW, ownership_tags("dev-1", "r2")),
        (OURS, ROW, ownership_tags("dev-2", "r1")),
        (SHIELDED, None, {}),
    ],
    ids=["no row", "no tags", "another request", "another owner", "another account"],
)
def test_what_is_not_proved_by_both_is_named_and_not_resolved(
    standing: Standing, row: Row | None, tags: dict[str, str]
) -> None:
    error = error_of(PlayedS3(standing, tags), *([row] if row else []))
    assert (type(error), error.message) == (NotManaged, "press is not managed by Handrail; nothing was changed.")
    assert error.hint == "handrail s3 list --all"


def test_a_bucket_that_nobody_has_proved_is_not_even_looked_at() -> None:
    s3 = PlayedS3(OURS, TAGS)
    error_of(s3)
    assert s3.looked == []


def test_a_policy_that_manages_any_takes_what_it_can_reach() -> None:
    bucket = find_one(stage_of(PlayedS3(OURS, TAGS), policy=ANY), BUCKETS, "press").one
    assert (bucket.managed, bucket.owner, bucket.request) == (False, "", "")
    assert isinstance(error_of(PlayedS3(SHIELDED), policy=ANY), NotManaged)


def test_a_name_that_means_nothing() -> None:
    error = error_of(PlayedS3(FREE))
    assert (type(error), error.message, error.hint) == (NotFound, "there is no bucket press.", "handrail s3 list")


def test_of_a_bucket_that_is_gone_the_row_is_left() -> None:
    error = error_of(PlayedS3(FREE), ROW)
    assert (type(error), error.exit_code) == (NotFound, 4)
    assert error.message == "bucket press was deleted without Handrail; only its record is left."
    assert (error.hint, error.details) == ("handrail s3 delete press", {"target": "press"})
    left = find_one(stage_of(PlayedS3(FREE), ROW), BUCKETS, "press", gone_too=True).one
    assert (left.is_gone, left.managed, left.owner, left.request, left.region) == (
        *(True, True, "dev-1", "r1", "eu-west-1"),
    )
    assert left.note == "deleted without Handrail; clear its record: handrail s3 delete press"


@pytest.mark.parametrize(
    ("s3", "action", "said"),
    [
        (PlayedS3(SHIELDED), "s3:ListBucket", "bucket press is on record and can't be reached"),
        (PlayedS3(OURS, view=UNREAD), "s3:GetBucketTagging", "whose bucket press is can't be proved"),
    ],
)
def test_what_can_not_be_seen_is_not_guessed(s3: PlayedS3, action: str, said: str) -> None:
    error = error_of(s3, ROW)
    assert isinstance(error, PermissionDenied)
    assert (said in error.message, error.details["action"]) == (True, action)


def test_what_goes_wrong_with_one_is_its_own() -> None:
    stage = stage_of(PlayedS3(Unreachable("no answer.")))
    assert [str(one.error) for one in find(stage, BUCKETS, ["press", "other"])] == ["no answer.", "no answer."]


@pytest.mark.parametrize(
    ("owner", "fact", "hint"),
    [
        (
            "dev-1",
            "a create of it by you has no outcome yet · request r1",
            "handrail s3 create press --private --region eu-west-1 --request-id r1",
        ),
        (
            "dev-2",
            "a create of it by dev-2 has no outcome yet · request r1",
            "ask dev-2, or repeat the command in some minutes",
        ),
    ],
)
def test_of_a_create_that_is_open_it_is_said_how_it_is_finished(owner: str, fact: str, hint: str) -> None:
    stage = stage_of(PlayedS3(OURS))
    stage.record.intend([Intent("r1", "s3 create", "press", "eu-west-1", "sandbox")])
    stage.table.items["request#r1", "intent"]["owner"] = owner
    with pytest.raises(NotManaged) as caught:
        find_one(stage, BUCKETS, "press")
    assert (caught.value.facts, caught.value.hint) == ((("open", fact),), hint)
    assert caught.value.details == {"target": "press", "open_request": "r1"}


# ---- right before it is changed


@pytest.mark.parametrize(
    ("s3", "row", "kind", "said"),
    [
        (
            PlayedS3(OURS, ownership_tags("dev-2", "r1")),
            replace(ROW, owner="dev-2"),
            WrongState,
            "bucket press changed hands since the plan was made; nothing was changed.",
        ),
        (
            PlayedS3(OURS, ownership_tags("dev-1", "r2")),
            replace(ROW, request="r2"),
            WrongState,
            "bucket press was deleted and made anew since the plan was made; nothing was changed.",
        ),
        (PlayedS3(OURS), ROW, NotManaged, "press is not managed by Handrail; nothing was changed."),
        (PlayedS3(OURS), None, NotManaged, "press is not managed by Handrail; nothing was changed."),
        (PlayedS3(FREE), ROW, NotFound, "bucket press was deleted without Handrail; only its record is left."),
        (PlayedS3(FREE), None, NotFound, "there is no bucket press."),
        (PlayedS3(Unreachable("no answer.")), ROW, Unreachable, "no answer."),
    ],
    ids=["another owner", "made anew", "made anew by a stranger", "its row is gone", "gone", "not shown", "no answer"],
)
def test_one_that_is_not_as_it_was_is_not_touched(
    s3: PlayedS3, row: Row | None, kind: type[HandrailError], said: str
) -> None:
    before = find_one(stage_of(PlayedS3(OURS, TAGS), ROW), BUCKETS, "press")
    now = look_again(stage_of(s3, *([row] if row else [])), BUCKETS, [before])["press"]
    assert isinstance(now, HandrailError)
    assert (type(now), now.message) == (kind, said)


def test_one_that_is_as_it_was_is_looked_at_anew() -> None:
    before = find_one(stage_of(PlayedS3(OURS, TAGS), ROW), BUCKETS, "press")
    now = look_again(stage_of(PlayedS3(OURS, {**TAGS, "team": "blue"}), ROW), BUCKETS, [before])["press"]
    assert isinstance(now, Bucket)
    assert now.tags["team"] == "blue"


def test_what_only_has_a_row_left_may_go_on_where_that_will_do() -> None:
    stage = stage_of(PlayedS3(FREE), ROW)
    left = find_one(stage, BUCKETS, "press", gone_too=True)
    (now,) = look_again(stage, BUCKETS, [left]).values()
    assert now == left.one
    (now,) = look_again(stage, BUCKETS, [Target("press", replace(left.one, access="private"))], gone_too=True).values()
    assert now == left.one


# ---- what a request made


@pytest.mark.parametrize(
    ("s3", "result", "is_found"),
    [
        (PlayedS3(OURS, TAGS), "succeeded", True),
        (PlayedS3(OURS, TAGS), "unchanged", True),
        (PlayedS3(OURS, TAGS), "failed", False),
        (PlayedS3(OURS, TAGS), "", False),
        (PlayedS3(FREE), "succeeded", False),
        (PlayedS3(SHIELDED), "succeeded", False),
        (PlayedS3(OURS, {}), "succeeded", False),
        (PlayedS3(OURS, ownership_tags("dev-1", "r2")), "succeeded", False),
    ],
)
def test_what_a_request_made_is_found_by_its_record_and_its_tags(s3: PlayedS3, result: str, is_found: bool) -> None:
    intent = Intent("r1", "s3 create", "press", "eu-west-1", "sandbox", resolved={"object_lock": True})
    known = Known(intent, Verdict("r1", result)) if result else None
    found = BUCKETS.made_by(stage_of(s3, ROW), "r1", known, "press")
    assert (found is not None) is is_found
    if found is not None:
        assert (found.request, found.versioning, found.object_lock) == ("r1", "on", "on")


def test_a_bucket_is_called_by_its_name_in_every_line() -> None:
    bucket: Any = SimpleNamespace(name="press", id="press", owner="", access="public")
    assert (BUCKETS.addressed(bucket), BUCKETS.facts(bucket)) == ("press", ("public", "-"))
    stage = Stage(region="eu-west-1")
    assert BUCKETS.line(stage, "show", "press") == "handrail s3 show press", "it is found without its region"
