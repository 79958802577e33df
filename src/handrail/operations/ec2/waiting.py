"""Waiting for instances to reach a state: first look after a second, then less often; stops when it can't be."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from handrail.core.ec2_rules import Move
from handrail.core.errors import AwsFailure, HandrailError, Interrupted, WrongState
from handrail.core.fields import Field, Kind
from handrail.core.resources import Instance
from handrail.session import Session

WAIT = Field("wait", "wait for the final state", Kind.FLAG, default=True, negative="no-wait")
TIMEOUT = Field(
    "timeout", "seconds to wait at most", Kind.NUMBER, default=300, minimum=1, maximum=86400, metavar="SECONDS"
)

_FIRST, _LONGEST, _GROWTH = 1.0, 5.0, 1.3
Seen = dict[str, Instance | HandrailError]


def wait_for(
    session: Session, before: Mapping[str, Instance], move: Move, timeout: float, *, acted: bool = True
) -> Seen:
    """Return, per id, the instance in the goal state of `move`, or the error that says why it is not there.

    before: id -> instance as last seen, shown while Describe does not know it yet. acted: a call was just made, so an
    old view (absent, or the state from before the call) counts as "not yet" for as long as AWS may show it.
    One DescribeInstances serves all ids. Raises Interrupted on Ctrl-C: the instances go on by themselves.
    """
    started, pause = session.clock.monotonic(), _FIRST
    stale = session.visibility if acted else 0.0
    waiting, ended = dict(before), Seen()
    try:
        while waiting:
            spent = session.clock.monotonic() - started
            if spent >= timeout:
                ended.update((id, _late(one, move, timeout)) for id, one in waiting.items())
                break
            session.listener.progress(_progress(waiting.values(), spent))
            session.clock.sleep(min(pause, max(timeout - spent, 0.05)))
            pause = min(pause * _GROWTH, _LONGEST)
            try:
                found = session.ec2.by_ids(waiting)
            except HandrailError as error:
                ended.update((id, _unseen(one, move, error)) for id, one in waiting.items())
                break
            fresh = session.clock.monotonic() - started > stale
            for id, last in list(waiting.items()):
                answer = _judge(id, found.get(id), last, move, fresh=fresh)
                if answer is None:
                    waiting[id] = found.get(id, last)
                else:
                    ended[id] = answer
                    del waiting[id]
    except KeyboardInterrupt:
        raise _interrupted(waiting.values(), move) from None
    return ended


def _unseen(last: Instance, move: Move, error: HandrailError) -> HandrailError:
    """Return the error of a look that failed, which says nothing of the instance itself."""
    name = last.name or last.id
    return type(error)(
        f"{name} goes on towards {move.goal}, but can't be watched: {error.message}",
        facts=error.facts,
        hint=f"handrail ec2 wait {last.id}",
        details={**error.details, "id": last.id, "state": last.state},
        code=error.slug,
    )


def _judge(
    id: str, now: Instance | None, last: Instance, move: Move, *, fresh: bool
) -> Instance | HandrailError | None:
    """Return the final answer for one instance, or None to go on waiting."""
    if now is None:
        return _gone(id, last, move) if fresh else None
    if now.state == move.goal:
        return now
    if now.state in move.stray and (fresh or now.state in ("shutting-down", "terminated")):
        return _stray(now, move)
    return None


def _gone(id: str, last: Instance, move: Move) -> Instance | HandrailError:
    if move.goal == "terminated":
        return replace(last, state="terminated", public_ip=None)
    return WrongState(f"{last.name or id} is not there any more.", hint="handrail ec2 list --state terminated")


def _stray(now: Instance, move: Move) -> HandrailError:
    why = f" AWS says: {now.state_reason}." if now.state_reason else ""
    kind = AwsFailure if move.verb == "create" else WrongState
    return kind(
        f"{now.name or now.id} is {now.state} and will not be {move.goal}.{why}",
        hint=f"handrail ec2 show {now.id}",
        details={"id": now.id, "state": now.state, "reason": now.state_reason},
    )


def _late(last: Instance, move: Move, timeout: float) -> HandrailError:
    return AwsFailure(
        f"{last.name or last.id} is {last.state} and not yet {move.goal} after {timeout:g} s.",
        hint=f"handrail ec2 wait {last.id}",
        details={"id": last.id, "state": last.state},
        code="timeout",
    )


def _interrupted(waiting: Iterable[Instance], move: Move) -> Interrupted:
    names = [one.name or one.id for one in waiting]
    return Interrupted(
        f"stopped waiting; {', '.join(names)} {'goes' if len(names) == 1 else 'go'} on towards {move.goal}.",
        hint="handrail ec2 list" if len(names) != 1 else f"handrail ec2 show {names[0]}",
    )


def _progress(waiting: Iterable[Instance], spent: float) -> str:
    rows = list(waiting)
    if len(rows) == 1:
        return f"{rows[0].name or rows[0].id}: {rows[0].state} {spent:.0f} s"
    states = [one.state for one in rows]
    parts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    return f"{len(rows)} instances: {parts} · {spent:.0f} s"
