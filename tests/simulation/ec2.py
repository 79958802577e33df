"""A simulated EC2: tokens, signatures that expire, gradual states, and a Describe that lags. Knows no clients."""

from dataclasses import dataclass, field
from math import inf
from random import Random

LIVE = ("pending", "running")
GONE = ("shutting-down", "terminated")
NEXT = {"pending": "running", "stopping": "stopped", "shutting-down": "terminated", "terminated": "absent"}


@dataclass
class Inst:
    """An instance. ours: whether Handrail made it run, since it last stopped."""

    id: str
    token: str
    region: str
    owner: str
    state: str
    ours: bool
    name: str = ""
    past: list[tuple[float, str]] = field(default_factory=list)  # (when it ended, state)
    names: list[tuple[float, str]] = field(default_factory=list)  # (when it was taken away, name)

    def become(self, state: str, now: float) -> None:
        """Change the state; the old one stays visible for a while."""
        self.past.append((now, self.state))
        self.state = state

    def rename(self, name: str, now: float) -> str:
        """Change the name; the old one stays visible for a while."""
        self.names.append((now, self.name))
        self.name = name
        return self.id

    def visible_name(self, now: float, lag: float, rng: Random) -> str:
        """Return the name that one Describe shows."""
        return rng.choice([*(name for ended, name in self.names if ended + lag > now), self.name])

    def visible(self, now: float, lag: float, rng: Random) -> str:
        """Return what one Describe shows: any state that it had within the lag; the oldest one most often."""
        choices = [state for ended, state in self.past if ended + lag > now]
        if not choices:
            return self.state
        choices.append(self.state)
        luck = rng.random()
        return choices[0] if luck < 0.5 else choices[int(luck * len(choices))]


class Ec2:
    """The compute side. clock_ahead: of EC2 against DynamoDB. lag: how long a Describe may be behind."""

    def __init__(self, rng: Random, life: int, lag: float, clock_ahead: float) -> None:
        self.rng, self.life, self.lag, self.clock_ahead = rng, life, lag, clock_ahead
        self.instances: dict[str, Inst] = {}
        self.by_token: dict[str, Inst] = {}
        self.forgets_tokens = False
        self.refusals = 0
        self.doubled = ""
        self.launched: set[str] = set()

    def too_old(self, signed: float, now: float) -> bool:
        """Return whether EC2 refuses a request with this X-Amz-Date."""
        return now + self.clock_ahead > signed + self.life

    def add(self, token: str, region: str, owner: str, state: str, now: float, name: str = "") -> Inst:
        """Return a new instance."""
        inst = Inst(f"i-{len(self.instances)}", token, region, owner, "absent", state in LIVE, name)
        inst.become(state, now)
        self.instances[inst.id] = self.by_token[token] = inst
        self.launched.add(token)
        return inst

    def run(self, token: str, region: str, owner: str, now: float, name: str = "") -> str:
        """Return the instance id, or the slug of an error after a blank."""
        inst = self.by_token.get(token)
        if inst is not None and inst.state not in (*GONE, "absent"):
            return inst.id
        if inst is not None and not self.forgets_tokens:
            return " request_gone"
        if self.refusals and self.rng.random() < 0.5:
            self.refusals -= 1
            return " capacity"
        if inst is not None:
            self.doubled = token
        return self.add(token, region, owner, "pending", now, name).id

    def start(self, id: str, now: float) -> str:
        """Return the instance id, or the slug of an error after a blank."""
        inst = self.instances[id]
        if inst.state == "stopped":
            inst.become("pending", now)
            inst.ours = True
        return inst.id if inst.state in LIVE else " incorrect_state"

    def rename(self, id: str, name: str, now: float) -> str:
        """Return the instance id, or the slug of an error after a blank."""
        inst = self.instances[id]
        return " not_found" if inst.state == "absent" else inst.rename(name, now)

    def stop(self, inst: Inst, now: float) -> None:
        """Stop what runs."""
        if inst.state in LIVE:
            inst.become("stopping", now)
            inst.ours = False

    def terminate(self, inst: Inst, now: float) -> None:
        """Terminate in any state."""
        if inst.state not in (*GONE, "absent"):
            inst.become("shutting-down", now)
            inst.ours = False

    def progress(self, inst: Inst, now: float) -> bool:
        """Let a gradual state go on; a terminated instance vanishes only when every Describe has shown it."""
        following = NEXT.get(inst.state)
        since = inst.past[-1][0] if inst.past else -inf
        if following is None or (following == "absent" and now < since + 4 * self.lag):
            return False
        inst.become(following, now)
        return True
