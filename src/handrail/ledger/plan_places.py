"""Holds: the places of one change while it is carried out. Turns what the lease says into what a person reads."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime

from handrail.core.errors import Acted, CapReached, Conflict, HandrailError, Unreachable
from handrail.core.plan import Cap, NameWish, Places, PlaceWish, Plan
from handrail.ledger.fence import Fence
from handrail.ledger.lease import End, Ended, Lease
from handrail.ledger.places import Fate, Place, Wanted
from handrail.ledger.ports import Told
from handrail.ledger.taking import Taken


class Fences:
    """Several fences of one call: it is sent only if every one of them lets it."""

    def __init__(self, fences: Sequence[Fence]) -> None:
        self._fences = fences

    def before_send(self, x_amz_date: float) -> None:
        """Ask every fence. Raises FenceClosed."""
        for fence in self._fences:
            fence.before_send(x_amz_date)

    def answered(self) -> None:
        """Tell every fence."""
        for fence in self._fences:
            fence.answered()

    def carried_out(self) -> None:
        """Tell every fence."""
        for fence in self._fences:
            fence.carried_out()


class NoHold:
    """A hold where nothing is capped and nothing is kept."""

    def refusal(self, request: str) -> None:
        """Return None: everything has a place."""

    def standing(self, request: str) -> None:
        """Return None: nothing is known."""

    def fence(self, requests: Sequence[str]) -> None:
        """Return no fence."""

    def confirm(self, request: str, instance: str) -> None:
        """Do nothing."""

    def done(self, request: str) -> None:
        """Return None: nothing is kept."""

    def give_back(self, request: str, error: HandrailError) -> HandrailError:
        """Return the error as it is."""
        return error

    def naming(self, wish: NameWish) -> AbstractContextManager[None]:
        """Take nothing."""
        return nullcontext()

    def stopped(self, instance: str, token: str) -> str:
        """Return nothing to say."""
        return ""

    def gone(self, instance: str, token: str) -> None:
        """Do nothing."""


NO_HOLD = NoHold()


class LeaseHold:
    """The places of one change under the lease. say: tells the person what is no error."""

    def __init__(self, lease: Lease, say: Callable[[str], None]) -> None:
        self._lease, self._say = lease, say
        self._taken: dict[str, Taken] = {}
        self._refused: dict[str, HandrailError] = {}
        self._standing: dict[str, str] = {}
        self._done: dict[str, str] = {}

    # ---- taking

    def take(self, places: Places, caps: Sequence[Cap], by: str) -> None:
        """Take the places: new requests all or none, repeats and starts one by one. Raises CapReached, Conflict."""
        fresh = [wish for wish in places.wishes if not wish.instance and wish.begun is None]
        if fresh:
            wanted = [wanted_of(wish, places, by) for wish in fresh]
            for wish, taken in zip(fresh, self._lease.take_for_create(wanted, caps, wait=places.wait), strict=True):
                self._taken[wish.request] = taken
        for wish in places.wishes:
            if wish.begun is not None:
                self._repeat(wish, int(wish.begun), places, caps, by)
            elif wish.instance:
                self._start(wish, places, caps, by)

    def _repeat(self, wish: PlaceWish, begun: int, places: Places, caps: Sequence[Cap], by: str) -> None:
        answer = self._lease.repeat_create(wanted_of(wish, places, by), begun, caps, wait=places.wait)
        if isinstance(answer, Taken):
            self._taken[wish.request] = answer
        elif isinstance(answer, Place):
            self._standing[wish.request] = answer.instance
        else:
            self._told(wish.request, answer)

    def _told(self, request: str, told: Told) -> None:
        if told.fate in (Fate.MADE, Fate.ADOPTED) and told.instance:
            self._standing[request] = told.instance
        else:
            self._refused[request] = Conflict(
                f"the request {request} ended meanwhile: {told.fate.value}.", hint="choose another --request-id"
            )

    def _start(self, wish: PlaceWish, places: Places, caps: Sequence[Cap], by: str) -> None:
        try:
            self._taken[wish.request] = self._lease.take_for_start(wanted_of(wish, places, by), caps, wait=places.wait)
        except (CapReached, Conflict) as refusal:
            self._refused[wish.request] = refusal

    def release_unused(self) -> None:
        """Give back what was taken and never used, as far as nothing of it can act any more (rule 4)."""
        for request in list(self._taken):
            self._end(request, Unreachable("the call was not finished.", hint="handrail ec2 list"))

    # ---- core.plan.Hold

    def refusal(self, request: str) -> HandrailError | None:
        """Return why this request got no place."""
        return self._refused.get(request)

    def standing(self, request: str) -> str | None:
        """Return the instance that a repeated request has already."""
        return self._standing.get(request)

    def fence(self, requests: Sequence[str]) -> Fences | None:
        """Return the fence of a call that serves these places; None for what is not Handrail's and takes none."""
        fences = [self._taken[request].fence for request in requests if request in self._taken]
        return Fences(fences) if fences else None

    def confirm(self, request: str, instance: str) -> HandrailError | None:
        """Give the place to the instance (rules 5 and 8)."""
        taken = self._taken.pop(request, None)
        if taken is None:
            return None
        try:
            against = _said(self._lease.confirm(taken, instance), request)
        except HandrailError as error:
            # The instance runs, and its place settles itself: nothing is lost, and nothing to undo.
            self._say(
                f"warning: {instance} goes on; its place could not be confirmed ({error.message}), "
                "and the next command that needs it settles it"
            )
            against = None
        if against is None:
            self._done[request] = instance
        return against

    def done(self, request: str) -> str | None:
        """Return the instance that was confirmed for this request."""
        return self._done.get(request)

    def give_back(self, request: str, error: HandrailError) -> HandrailError:
        """Free the place if nothing can act in it any more, and say what becomes of it else (rules 4 and 6)."""
        return self._end(request, error)

    def _end(self, request: str, error: HandrailError) -> HandrailError:
        taken = self._taken.pop(request, None)
        if taken is None:
            return error
        try:
            ended = self._lease.give_back(taken, error)
        except HandrailError:
            return _unfinished(error, request, None)
        if ended.end is End.OPEN:
            return _unfinished(error, request, ended.until)
        error.acted = Acted.NO  # of this place: whatever else the command has sent
        return error if ended.end is End.GIVEN_BACK else _said(ended, request) or error

    def naming(self, wish: NameWish) -> AbstractContextManager[Fence]:
        """Take a name while it is given (rule 19)."""
        return self._lease.naming(wish)

    def stopped(self, instance: str, token: str) -> str:
        """Free the place of a stopped instance, or say when it is free (rule 9)."""
        until = self._lease.note_stopped(instance, token)
        if until is None:
            return ""
        return f"its place is free at {datetime.fromtimestamp(until, UTC):%H:%M:%S} UTC at the latest"

    def gone(self, instance: str, token: str) -> None:
        """Free the place of an instance that is gone (rule 9)."""
        self._lease.note_gone(instance, token)


@contextmanager
def held(lease: Lease, plan: Plan, caps: Sequence[Cap], by: str, say: Callable[[str], None]) -> Iterator[LeaseHold]:
    """Take the places of a plan, and give back at the end what was not used, whatever happens."""
    hold = LeaseHold(lease, say)
    try:
        if plan.places is not None:
            hold.take(plan.places, caps, by)
        yield hold
    finally:
        hold.release_unused()


def wanted_of(wish: PlaceWish, places: Places, by: str) -> Wanted:
    """Return what a wish asks of the lease. by: who asks."""
    return Wanted(
        request=wish.request,
        region=places.region,
        owner=wish.owner or places.owner,
        by=by,
        name=wish.name,
        instance=wish.instance,
        token=wish.token,
    )


def _said(ended: Ended, request: str) -> HandrailError | None:
    """Return what an end means to the person, None where all is well.

    `open` in its details: somebody else has the request in hand, and tells its outcome.
    """
    details: dict[str, object] = {"request": request, "instance": ended.instance or None}
    match ended.end:
        case End.DONE | End.GIVEN_BACK:
            return None
        case End.GONE:
            return Conflict(
                f"the instance of request {request} was terminated.",
                hint="choose another --request-id",
                details=details,
            )
        case End.CANCELLED:
            return Conflict(
                f"it was cancelled by {ended.by or 'somebody'}.",
                hint="handrail ec2 list",
                details={**details, "open": True},
                acted=Acted.UNKNOWN,
            )
        case End.TAKEN_OVER:
            return Conflict(
                f"it is being settled by {ended.by or 'somebody'}.",
                hint="handrail lease list",
                details={**details, "open": True},
                acted=Acted.UNKNOWN,
            )
        case _:
            return _settled(ended, details)


def _settled(ended: Ended, details: dict[str, object]) -> HandrailError | None:
    """Return what it means that somebody settled the place meanwhile: nothing, where the instance was found running."""
    told = ended.told
    if told is not None and told.fate in (Fate.MADE, Fate.ADOPTED) and ended.error is None:
        return None
    fate = told.fate.value if told else "settled"
    return Conflict(f"it was settled meanwhile: {fate}.", hint="handrail ec2 list", details=details)


def _unfinished(error: HandrailError, request: str, until: int | None) -> HandrailError:
    when = f" by {datetime.fromtimestamp(until, UTC):%H:%M:%S} UTC at the latest" if until else ""
    open_line = ("open", f"whether it took effect is not known; it settles itself{when}")
    kind = type(error) if type(error).__init__ is HandrailError.__init__ else Unreachable
    return kind(
        error.message,
        hint=error.hint,
        facts=(*error.facts, open_line),
        details={**error.details, "request": request, "open": True},
        code=error.slug,
        acted=Acted.UNKNOWN,
    )
