"""The lease on a bench: far ends that answer at once from plain values, and a clock that stands still unless moved."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from handrail.core.errors import AwsFailure, HandrailError, Unreachable
from handrail.core.ownership import token_of
from handrail.core.plan import Cap
from handrail.ledger.fence import Fence
from handrail.ledger.lease import Lease
from handrail.ledger.places import Names, Place, Places, Seen, Times, Versioned, Wanted
from handrail.ledger.ports import Here, Sides, Told
from handrail.ledger.taking import Taken

TIMES = Times(life=60, work=30, visibility=2, skew=1)
NOON = 1_800_000_000
ONE = (Cap("account", 1, "ec2.max_running", "strict"),)
HIDDEN = ("shutting-down", "terminated")


class Bench:
    """Every far end in one; `now` is DynamoDB's date. before_write: what somebody else does just before a write."""

    def __init__(self) -> None:
        self.now = NOON
        self.places: Places = {}
        self.names: Names = {}
        self.dark: set[str] = set()
        self.version = 0
        self.instances: dict[str, Seen] = {}
        self.told: dict[str, Told] = {}
        self.said: list[str] = []
        self.calls: list[str] = []
        self.before_write: list[Callable[[], None]] = []
        self.lost_writes = 0
        self.terminate_fails: HandrailError | None = None
        self.terminate_shows = "shutting-down"
        self._marks, self._requests = count(1), count(1)

    # ---- HoldersStore, Compute, Outcomes ----------------------------------------------------------------------------

    def read(self) -> Versioned:
        self.calls.append("read")
        return Versioned(self.places, self.version, self.now, names=self.names)

    def write(self, item: Versioned) -> Versioned:
        self.calls.append("write")
        if self.before_write:
            self.before_write.pop(0)()
        if item.version == self.version:
            self.names = item.names
            self.put(item.places)
        if self.lost_writes:
            self.lost_writes -= 1
            raise Unreachable("no answer")
        return Versioned(self.places, self.version, self.now, names=self.names)

    def look(self, region: str, instances: Sequence[str], tokens: Sequence[str]) -> list[Seen]:
        self.calls.append("look")
        self._check_light(region)
        every = [one for one in self.instances.values() if one.region == region]
        return [one for one in every if one.instance in instances or one.token in tokens]

    def look_all(self, region: str) -> list[Seen]:
        self.calls.append("look_all")
        self._check_light(region)
        return [one for one in self.instances.values() if one.region == region and one.state not in HIDDEN]

    def terminate(self, region: str, instances: Sequence[str]) -> list[Seen]:
        self.calls.append("terminate")
        if self.terminate_fails is not None:
            raise self.terminate_fails
        for instance in set(instances) & set(self.instances):
            self.instances[instance] = replace(self.instances[instance], state=self.terminate_shows)
        return [self.instances[instance] for instance in instances if instance in self.instances]

    def put_if_absent(self, request: str, told: Told) -> None:
        self.told.setdefault(request, told)

    def put_over(self, request: str, told: Told, over: Versioned) -> bool:
        if request in self.told or over.version != self.version:
            return False
        self.told[request] = told
        self.put(self.places)
        return True

    def find(self, request: str) -> Told | None:
        return self.told.get(request)

    def _check_light(self, region: str) -> None:
        if region in self.dark:
            raise Unreachable(f"{region} is dark.")

    # ---- for the tests ----------------------------------------------------------------------------------------------

    def lease(self, by: str = "ann", regions: tuple[str, ...] = ("eu",)) -> Lease:
        """Return the lease of one process."""
        here = Here(by, lambda: f"{by}-{next(self._marks)}", self.sleep, self.said.append)
        return Lease(Sides(self, self, self), here, TIMES, regions)

    def sleep(self, seconds: float) -> None:
        self.calls.append("sleep")
        self.now += int(seconds)

    def put(self, places: Places) -> None:
        """Write as somebody else."""
        self.places, self.version = places, self.version + 1

    def place(self, key: str) -> Place:
        """Return a place by the request or instance that it was taken for."""
        return next(place for place in self.places.values() if place.known_as == key)

    def alter(self, key: str, **values: Any) -> None:
        """Change a place as somebody else."""
        place = self.place(key)
        self.put({**self.places, place.key: replace(place, **values)})

    def remove(self, key: str) -> None:
        """Remove a place as somebody else."""
        self.put({other: place for other, place in self.places.items() if place.known_as != key})

    def add(self, instance: str, state: str, request: str, **values: str) -> Seen:
        """Let an instance be there."""
        seen = Seen(instance, state, token_of(request), values.get("region", "eu"), values.get("owner", "ann"), request)
        self.instances[instance] = seen
        return seen

    def running(self, instance: str = "i-1", request: str = "r1", by: str = "ann") -> Place:
        """Let an instance run in its confirmed place."""
        (taken,) = self.lease(by).take_for_create([wanted(request, by=by)], ())
        self.add(instance, "running", request, owner=by)
        self.lease(by).confirm(taken, instance)
        return self.place(request)

    def reserved(self, request: str = "r1", by: str = "ann") -> Taken:
        """Take a place for a create."""
        return self.lease(by).take_for_create([wanted(request, by=by)], ())[0]

    def starting(self, instance: str = "i-1", by: str = "ann", caps: Sequence[Cap] = ()) -> Taken:
        """Take a place for a start."""
        request = f"start-{instance}-{next(self._requests)}"
        return self.lease(by).take_for_start(wanted(request, by=by, instance=instance), caps)

    def pass_term(self) -> None:
        """Let a place that is reserved now run out, and a look at it count."""
        self.now += TIMES.term + TIMES.visibility + 1


def wanted(request: str, **values: str) -> Wanted:
    """Return what a command of ann in eu wants."""
    by = values.get("by", "ann")
    instance, token = values.get("instance", ""), values.get("token", "")
    return Wanted(request, values.get("region", "eu"), values.get("owner", by), by, request, instance, token)


def answers(instance: str, *, signed: float = NOON, unanswered: int = 0) -> Callable[[Fence], str]:
    """Return a call that is answered, after some attempts that are not."""

    def send(fence: Fence) -> str:
        for _ in range(unanswered + 1):
            fence.before_send(signed)
        fence.answered()
        return instance

    return send


def fails(slug: str = "aws_failure", *, signed: float = NOON, answered: bool = True) -> Callable[[Fence], str]:
    """Return a call that AWS refuses, or that gets no answer."""

    def send(fence: Fence) -> str:
        fence.before_send(signed)
        if not answered:
            raise Unreachable("no answer")
        fence.answered()
        raise AwsFailure("AWS says no", code=slug)

    return send


def states(places: Mapping[str, Place]) -> dict[str, str]:
    """Return the state of each place."""
    return {place.known_as: place.state.value for place in places.values()}
