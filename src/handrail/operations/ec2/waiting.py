"""Waiting for instances to reach a state: first look after a second, then less often; stops when it can't be."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from handrail.aws.ec2_failures import EBS_KEY_HINT, NOT_YET
from handrail.clock import ticks
from handrail.core.ec2_rules import Move
from handrail.core.errors import Acted, AwsFailure, HandrailError, Interrupted, WrongState
from handrail.core.resources import Instance
from handrail.operations.ec2.instances import INSTANCES
from handrail.operations.kinds import called
from handrail.operations.patience import again_while
from handrail.session import Session

# How a launch ends whose disk can't be decrypted: the code that its state reason begins with. Source: EC2 user guide,
# "Troubleshoot instance launch issues", instance terminates immediately.
_OF_A_KEY = ("Client.InvalidKMSKey", "Client.InternalError")
_KEY = " That is how AWS ends an instance whose disk's KMS key, the region's default for EBS, can't be used."
Seen = dict[str, Instance | HandrailError]
Answer = TypeVar("Answer")


def wait_for(
    session: Session, before: Mapping[str, Instance], move: Move, timeout: float, *, acted: bool = True
) -> Seen:
    """Return, per id, the instance in the goal state of `move`, or the error that says why it is not there.

    before: id -> instance as last seen, shown while Describe does not know it yet. acted: a call was just made, so an
    old view (absent, or the state from before the call) counts as "not yet" for as long as AWS may show it.
    One DescribeInstances serves all ids. Raises Interrupted on Ctrl-C: the instances go on by themselves.
    """
    stale = session.aws.visibility if acted else 0.0
    waiting, ended = dict(before), Seen()
    try:
        for spent in ticks(session.clock, timeout):
            if spent:
                try:
                    found = session.aws.ec2.by_ids(waiting)
                except HandrailError as error:
                    unseen = Acted.UNKNOWN if acted else Acted.NO
                    return ended | {id: _unseen(session, one, move, error, unseen) for id, one in waiting.items()}
                for id, last in list(waiting.items()):
                    answer = _judge(session, found.get(id), last, move, fresh=spent > stale)
                    waiting[id] = found.get(id, last)
                    if answer is not None:
                        ended[id] = answer
                        del waiting[id]
            if not waiting:
                return ended
            session.listener.progress(_progress(waiting.values(), spent))
    except KeyboardInterrupt as stop:
        raise _interrupted(session, waiting.values(), move, stop, Acted.YES if acted else None) from None
    late = Acted.YES if acted else Acted.NO
    return ended | {id: _late(session, one, move, timeout, late) for id, one in waiting.items()}


def once_known(session: Session, one: Instance, call: Callable[[], Answer]) -> Answer:
    """Make a call about one instance; if AWS does not know it in this call, make it again for as long as that may be.

    Only of a fresh instance: what one part of AWS shows another may not know yet (EC2 API reference, "Eventual
    consistency"). Raises what the call raises, NOT_YET as well once a fresh one would be known everywhere.
    """
    age = session.now() - one.created_at.timestamp() if one.created_at is not None else session.aws.visibility + 1
    limit = session.aws.visibility if age <= session.aws.visibility else 0.0
    text = f"{called(one)}: AWS does not know it here yet"
    return again_while(session, NOT_YET, call, limit, lambda spent: f"{text} {spent:.0f} s")


def _unseen(session: Session, last: Instance, move: Move, error: HandrailError, acted: Acted) -> HandrailError:
    """Return the error of a look that failed, which says nothing of the instance itself."""
    return type(error)(
        f"{called(last)} goes on towards {move.goal}, but can't be watched: {error.message}",
        facts=error.facts,
        hint=INSTANCES.line(session, "wait", last.id),
        details={**error.details, "id": last.id, "state": last.state},
        code=error.slug,
        acted=acted,
    )


def _judge(
    session: Session, now: Instance | None, last: Instance, move: Move, *, fresh: bool
) -> Instance | HandrailError | None:
    """Return the final answer for one instance, or None to go on waiting."""
    if now is None:
        return _gone(session, last, move) if fresh else None
    if now.state == move.goal:
        return now
    if now.state in move.stray and (fresh or now.is_gone):
        return _stray(session, now, move)
    return None


def _gone(session: Session, last: Instance, move: Move) -> Instance | HandrailError:
    if move.goal == "terminated":
        return replace(last, state="terminated", public_ip=None)
    hint = INSTANCES.line(session, "list", state="terminated")
    return WrongState(f"{called(last)} is not there any more.", hint=hint)


def _stray(session: Session, now: Instance, move: Move) -> HandrailError:
    why = f" AWS says: {now.state_reason.removesuffix('.')}." if now.state_reason else ""
    by_its_key = now.state_reason.startswith(_OF_A_KEY) and now.is_gone
    kind = AwsFailure if move.verb == "create" else WrongState
    return kind(
        f"{called(now)} is {now.state} and will not be {move.goal}.{why}{_KEY if by_its_key else ''}",
        hint=EBS_KEY_HINT.format(region=now.region) if by_its_key else INSTANCES.line(session, "show", now.id),
        details={"id": now.id, "state": now.state, "reason": now.state_reason},
        acted=Acted.NO,
        code="unusable_key" if by_its_key else None,
    )


def _late(session: Session, last: Instance, move: Move, timeout: float, acted: Acted) -> HandrailError:
    return AwsFailure(
        f"{called(last)} is {last.state} and not yet {move.goal} after {timeout:g} s.",
        hint=INSTANCES.line(session, "wait", last.id),
        details={"id": last.id, "state": last.state},
        code="timeout",
        acted=acted,
    )


def _interrupted(
    session: Session, waiting: Iterable[Instance], move: Move, by: BaseException, acted: Acted | None
) -> Interrupted:
    ones = list(waiting)
    several = len(ones) != 1
    return Interrupted(
        f"stopped waiting; {', '.join(map(called, ones))} {'go' if several else 'goes'} on towards {move.goal}.",
        hint=INSTANCES.line(session, "list" if several else "show", *map(INSTANCES.addressed, () if several else ones)),
        by=by,
        acted=acted,
    )


def _progress(waiting: Iterable[Instance], spent: float) -> str:
    rows = list(waiting)
    if len(rows) == 1:
        return f"{called(rows[0])}: {rows[0].state} {spent:.0f} s"
    states = [one.state for one in rows]
    parts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    return f"{len(rows)} instances: {parts} · {spent:.0f} s"
