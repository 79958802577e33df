"""Which try of a request is the newest, and how many reads it takes to know."""

import pytest

from handrail.ledger.record import Intent, Known, Verdict
from handrail.operations.repeating import newest_try, next_try, was_in_vain


def known(request: str, result: str = "refused") -> Known:
    """Return a request with an outcome, or none."""
    verdict = Verdict(request, result) if result else None
    return Known(Intent(request, "ec2 create", "web", "us-east-1", "sandbox"), verdict)


@pytest.mark.parametrize("tries", [1, 2, 3, 7, 8, 9, 100, 1000])
def test_the_newest_of_many_is_found_in_few_reads(tries: int) -> None:
    reads = []
    there = {f"a.{number}" if number > 1 else "a": number for number in range(1, tries + 1)}

    def find(request: str) -> Known | None:
        reads.append(request)
        return known(request) if request in there else None

    request, found = newest_try(find, "a")
    assert there[request] == tries
    assert found is not None
    assert found.intent.request == request
    assert next_try("a", request) == f"a.{tries + 1}"
    assert len(reads) <= 3 + 2 * tries.bit_length()


@pytest.mark.parametrize("result", ["", "succeeded", "unchanged"])
def test_what_was_not_in_vain_is_the_newest(result: str) -> None:
    there = {"a": known("a", result)}
    assert newest_try(there.get, "a") == ("a", there["a"])
    assert not was_in_vain(there["a"])


def test_what_is_not_on_record_is_new() -> None:
    assert newest_try(lambda _request: None, "a") == ("a", None)
