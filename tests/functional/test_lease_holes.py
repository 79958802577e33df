"""What the lease was attacked with: ids chosen badly, one name twice, a region that is dark, rows that are odd."""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ledger_office import FAR, Office, open_office

from ledger.proxies import Dark


@pytest.fixture(scope="module")
def shared_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    yield from open_office(tmp_path_factory.mktemp("office"))


@pytest.fixture
def office(shared_office: Office) -> Iterator[Office]:
    yield shared_office
    shared_office.clear()


# ---- request ids that are chosen badly -------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["ec2", "s3"])
@pytest.mark.parametrize("id", ["i-0c1d2e3f4a5b6c7d8", "I-0C1D2E3F4A5B6C7D8", "i-0c1d2e3f", "i-0c1d2e3f4a5b6c7d8.2"])
def test_a_request_id_is_no_instance_id(office: Office, verb: str, id: str) -> None:
    words = ["--name", "web"] if verb == "ec2" else ["some-bucket"]
    done = office.handrail(verb, "create", *words, "--request-id", id)
    assert done.code == 2
    assert "looks like an instance id" in done.err


def test_what_is_made_of_an_id_is_not_another_ones(office: Office) -> None:
    office.wide.ok("ec2", "create", "--name", "two", "--count", "2", "--request-id", "web", "--no-wait")
    second = office.wide("ec2", "create", "--name", "two-2", "--request-id", "web-2", "--no-wait")
    assert second.code == 5
    for line in (["ec2", "create", "--name", "two"], ["s3", "create", "team-assets-0191"]):
        whole = office.wide(*line, "--request-id", "web")
        assert (whole.code, "was used with --count" in whole.err) == (5, True), "an id is used one way"
    for _ in range(2):  # the cap is full: refused, and then tried anew
        assert office.handrail("ec2", "create", "--name", "third", "--request-id", "try").code == 3
    made = office.wide.json("ec2", "create", "--name", "third", "--request-id", "try", "--no-wait")
    assert made["request"].startswith("try.")
    several = office.wide("ec2", "create", "--name", "third", "--count", "2", "--request-id", "try")
    assert (several.code, "was used without --count" in several.err) == (5, True)
    again = office.wide("ec2", "create", "--name", "third", "--request-id", made["request"], "-o", "json")
    assert (again.code, again.error["hint"].split(",")[0]) == (5, "repeat that one with --request-id try")
    assert office.wide.json("ec2", "create", "--name", "third", "--request-id", "try")["status"] == "unchanged"
    bucket = ["s3", "create", "team-assets-0192", "--request-id"]
    office.wide.ok(*bucket, "box")
    assert office.wide(*bucket, "web").code == 5, "one name space of requests"
    assert office.wide(*bucket, "box.2").code == 5
    places = office.wide.json("lease", "list")
    assert {row["place"] for row in places} == {"create:web-1", "create:web-2", f"create:{made['request']}"}
    assert all(row["place"] == f"create:{row['key']}" for row in places)


def test_a_place_that_two_are_known_by_is_named_by_its_key(office: Office) -> None:
    made = office.wide.json("ec2", "create", "--name", "web", "--no-wait")
    row = office.row("lease", "holders")
    places = json.loads(row["places"]["S"])
    (place,) = places.values()
    places[f"create:{made['id']}"] = {**place, "instance": "", "requests": []}
    office.put({**row, "places": {"S": json.dumps(places)}})
    done = office.wide("lease", "release", made["id"])
    assert done.code == 2
    assert f"create:{made['id']}" in done.err


# ---- names -----------------------------------------------------------------------------------------------------------


def test_of_two_that_want_one_name_at_once_one_gets_it(office: Office) -> None:
    ids = [one["id"] for one in office.wide.json("ec2", "create", "--name", "web", "--count", "2", "--no-wait")]
    environ = office.wide.environ
    for number in range(4):
        renames = [(["ec2", "update", id, "--rename", f"same-{number}"], environ) for id in ids]
        create = (["ec2", "create", "--name", f"same-{number}", "--no-wait"], environ)
        ended = office.crowd.run([*renames, create] if number % 2 else renames)
        assert sorted(done.code for done in ended) == [0, *[5] * (len(ended) - 1)], [done.err for done in ended]
        names = [row["name"] for row in office.wide.json("ec2", "list")]
        assert len(set(names)) == len(names)
        time.sleep(2.1)  # V, and the whole second of the Date header


def test_a_name_is_free_again_once_every_look_shows_that_it_is(office: Office) -> None:
    office.wide.ok("ec2", "create", "--name", "one", "--no-wait")
    office.wide.ok("ec2", "update", "one", "--rename", "two")
    office.wide.ok("ec2", "update", "two", "--rename", "one")
    time.sleep(2.1)
    office.wide.ok("ec2", "create", "--name", "two", "--no-wait")
    assert office.wide("ec2", "update", "one", "--rename", "two").code == 5


# ---- a region that can't be looked at --------------------------------------------------------------------------------


@pytest.fixture
def dark(office: Office) -> Iterator[Dark]:
    proxy = Dark(office.sandbox.running.endpoint)
    office.handrail.environ["AWS_ENDPOINT_URL"] = proxy.endpoint
    yield proxy
    del office.handrail.environ["AWS_ENDPOINT_URL"]
    proxy.close()


@pytest.mark.parametrize(
    "answer", [(401, "AuthFailure"), (401, "OptInRequired"), (503, "Unavailable"), (403, "UnauthorizedOperation"), None]
)
def test_a_dark_region_stops_nothing_elsewhere(office: Office, dark: Dark, answer: tuple[int, str] | None) -> None:
    far = office.handrail.json("ec2", "create", "--name", "far", "--region", FAR, "--no-wait")
    dark.answers[FAR] = answer
    listed = office.handrail("lease", "list", "-o", "json")
    (row,) = listed.json
    assert (listed.code, row["state"], row["instance_state"]) == (0, "held", "unknown")
    assert row["note"].startswith(f"{FAR} can't be looked at: ")
    assert f"{FAR} can't be looked at" in listed.err
    made = office.handrail.ok("ec2", "create", "--name", "near", "--no-wait")
    assert f"warning: {FAR} can't be looked at" in made.err
    full = office.handrail("ec2", "create", "--name", "third", "--no-wait")
    assert full.code == 3
    assert f"handrail lease release {far['request']} --now" in full.err


def test_a_place_in_a_dark_region_is_let_go_of_by_who_answers_for_it(office: Office, dark: Dark) -> None:
    far = office.handrail.json("ec2", "create", "--name", "far", "--region", FAR, "--no-wait")
    office.handrail.ok("ec2", "create", "--name", "near", "--no-wait")
    dark.answers[FAR] = (401, "OptInRequired")
    time.sleep(2.1)
    release = ["lease", "release", far["request"]]
    kept = office.handrail(*release)
    assert kept.code == 5
    assert f"handrail lease release {far['request']} --now" in kept.err
    assert office.handrail(*release, "--now").code == 6
    assert office.handrail(*release, "--now", answers="no\n").code == 6
    office.handrail.ok(*release, "--now", answers="far\n")
    office.handrail.ok("ec2", "create", "--name", "third", "--no-wait")
    assert office.handrail.json("audit", "list")[-2]["operation"] == "lease release"
    dark.answers.clear()
    assert [row["state"] for row in office.handrail.json("lease", "list")].count("outside") == 1


def test_a_place_that_a_call_may_still_fill_is_not_let_go(office: Office, dark: Dark) -> None:
    office.handrail.ok("ec2", "create", "--name", "far", "--region", FAR, "--no-wait", "--request-id", "far-1")
    row = office.row("lease", "holders")
    places = json.loads(row["places"]["S"])
    places["create:far-1"] |= {"state": "reserved", "until": int(time.time()) + 60}
    office.put({**row, "places": {"S": json.dumps(places)}})
    dark.answers[FAR] = (503, "Unavailable")
    done = office.handrail("lease", "release", "far-1", "--now", "--yes")
    assert done.code == 5
    assert "from 20" in done.err


def test_a_region_that_holds_nothing_is_nobodys_trouble(office: Office, dark: Dark) -> None:
    office.handrail.ok("ec2", "create", "--name", "far", "--region", FAR, "--no-wait")
    office.handrail.ok("ec2", "delete", "far", "--region", FAR, "--yes")
    dark.answers[FAR] = (503, "Unavailable")
    done = office.handrail.ok("ec2", "create", "--name", "near", "--no-wait")
    assert FAR not in done.err
    assert 1 <= dark.asked <= 2, "asked once, and once again"
    assert [row["name"] for row in office.handrail.json("lease", "list")] == ["near"]


def test_the_home_regions_ec2_may_be_dark_too(office: Office, dark: Dark) -> None:
    office.handrail.ok("ec2", "create", "--name", "home", "--no-wait")
    dark.answers["us-east-1"] = (401, "AuthFailure")
    office.handrail.ok("ec2", "create", "--name", "far", "--region", FAR, "--no-wait")
    assert office.handrail("ec2", "create", "--name", "here", "--no-wait").code in (1, 7), (
        "here it can't be done without"
    )
    assert office.handrail("ec2", "create", "--name", "third", "--region", FAR).code == 3


CUT_OFF: Mapping[str, Mapping[str, Any]] = {
    "ec2 stop": {},
    "ec2 start": {},
    "ec2 create": {},
    "s3 update": {"public": None, "versioning": True, "put": {}, "drop": []},
    "s3 upload": {"bucket": "far-bucket", "sums": {}},
    "s3 delete": {},
    "audit anchor": {"bucket": "far-bucket", "bucket_account": "123456789012", "key": "k"},
}


@pytest.mark.parametrize("answer", [None, (503, "Unavailable")], ids=["silent", "unavailable"])
@pytest.mark.parametrize("service", ["ec2", "s3"])
def test_a_dark_region_is_asked_once_for_all_that_was_cut_off_there(
    office: Office, dark: Dark, service: str, answer: tuple[int, str] | None
) -> None:
    far = office.handrail.json("ec2", "create", "--name", "far", "--region", FAR, "--no-wait")
    office.handrail("s3", "create", "far-bucket", "--region", FAR)
    cut = [operation for operation in CUT_OFF if operation.startswith("ec2") is (service == "ec2")]
    requests = [_cut_off(office, operation, number, far["id"]) for operation in cut for number in range(2)]
    dark.answers[FAR], dark.services = answer, (service,)
    done = office.handrail.ok("s3", "create", f"near-{service}-{answer is None}".lower())
    assert "itself failed" not in done.err
    assert 1 <= dark.asked <= 2, "asked once, and once again"
    assert {row["sk"]["S"] for row in office.rows() if row["pk"]["S"] == "open"} >= set(requests), "they stay open"
    dark.answers.clear()
    for request in requests:
        office.drop("open", request)


def _cut_off(office: Office, operation: str, number: int, instance: str) -> str:
    """Put a request in the far region on record that was cut off long ago, and return its id."""
    request = f"{operation.replace(' ', '-')}-{number}-{uuid.uuid4().hex[:6]}"
    resource = instance if operation.startswith("ec2") else "far-bucket"
    told = {"operation": {"S": operation}, "resource": {"S": resource}, "at": {"N": str(int(time.time() - 600) * 1000)}}
    office.put({"pk": {"S": "open"}, "sk": {"S": request}, **told})
    more = {"request": request, "region": FAR, "owner": "dev-1", "given": "{}"}
    said = {name: {"S": text} for name, text in {**more, "resolved": json.dumps(CUT_OFF[operation])}.items()}
    office.put({"pk": {"S": f"request#{request}"}, "sk": {"S": "intent"}, **told, **said})
    return request
