"""One simulated run: clients as greenlets over the real lease code, a bad network, checked at every step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from types import SimpleNamespace
from typing import Any

from greenlet import getcurrent, greenlet

from handrail.core.errors import AwsFailure, CapReached, HandrailError, Unreachable
from handrail.core.ownership import token_of
from handrail.core.plan import NameWish
from handrail.ledger import lease, places, ports, taking

from .ec2 import GONE, LIVE, Ec2, Inst

REAL = SimpleNamespace(places=places, lease=lease, ports=ports, taking=taking)
START = 1_000_000.0
MADE_NOTHING = ("nothing", "refused")


class Broken(AssertionError):
    """An invariant does not hold. name: which one (docs/lease.md)."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name


@dataclass(frozen=True)
class Flaws:
    """What is wrong with the world itself, for the mutants that break an assumption."""

    true_lag: float | None = None  # A4: how long Describe really lags
    forgets_tokens: bool = False  # A5
    fence_before_signing: bool = False  # the hook asks the fence with the local clock, then signs


SOUND = Flaws()


@dataclass(frozen=True)
class Slot:
    """A request, and the instance that it makes or has made. state: of its instance at the beginning; "" for none."""

    request: str
    region: str
    owner: str
    name: str
    state: str = ""
    placed: bool = False


class Client:
    """A process: its clock, its lease, its script. Runs only when the world lets it."""

    def __init__(self, world: "World", name: str, by: str, ahead: float, script: Sequence[tuple[str, str]]) -> None:
        self.world, self.name, self.by, self.ahead, self.script = world, name, by, ahead, script
        self.wake = self.frozen = 0.0
        self.steps, self.stall, self.stalled = 0, -1, False
        self.dead = False
        self.marks = 0
        code = world.code
        here = code.ports.Here(by, self.mark, self.sleep, self.say)
        sides = code.ports.Sides(_Store(world), _Compute(world, self), _Outcomes(world))
        self.lease = code.lease.Lease(sides, here, world.times, world.regions)
        self.thread = greenlet(self.work, world.loop)

    def mark(self) -> str:
        """Return a mark that no other client has."""
        self.marks += 1
        return f"{self.name}.{self.marks}"

    def sleep(self, seconds: float) -> None:
        """Wait in the world's time."""
        self.wake = self.world.now + seconds
        self.world.switch()

    def say(self, text: str) -> None:
        """Note in the trace."""
        self.world.note(text)

    def work(self) -> None:
        """Do the script; an error ends one line of it, not the client."""
        for verb, target in self.script:
            self.lease.unseen.clear()  # each line is a command
            try:
                ended = getattr(self, f"do_{verb}")(target)
                self.world.note(f"{verb} {target} ended: {ended}")
            except HandrailError as error:
                self.world.note(f"{verb} {target}: {type(error).__name__}: {error}")
        self.dead = True

    # ---- the verbs of a script ---------------------------------------------------------------------------------------

    def wanted(self, target: str, instance: str = "") -> Any:
        """Return the place that a slot's create or start needs."""
        slot = self.world.slots[target]
        request = f"{self.name}-{self.marks}-{target}" if instance else target
        token = token_of(target) if instance else ""
        return self.world.code.places.Wanted(request, slot.region, slot.owner, self.by, slot.name, instance, token)

    def do_create(self, target: str) -> Any:
        """Create one or several (a+b), all or none."""
        world = self.world
        names = target.split("+")
        for name in names:
            world.intents.setdefault(name, int(world.now))
        taken = self.lease.take_for_create([self.wanted(name) for name in names], world.caps, wait=world.waits)
        return [self.carry_out_create(name, place) for name, place in zip(names, taken, strict=True)]

    def do_reserve(self, target: str) -> Any:
        """Take the place of a create, and be killed."""
        self.world.intents.setdefault(target, int(self.world.now))
        return self.lease.take_for_create([self.wanted(target)], self.world.caps)

    def do_grab(self, target: str) -> Any:
        """Create as soon as the cap lets it: who profits from a place that is freed too early."""
        for _ in range(8):
            try:
                return self.do_create(target)
            except CapReached:
                self.sleep(self.world.rng.choice((0.25, 0.25, 0.5, 1, 4)))
        return None

    def do_fallback(self, target: str) -> Any:
        """Create the first; where that brings an error, give its place back and create the second."""
        first, second = target.split("+")
        (place,) = self.lease.take_for_create([self.wanted(first)], self.world.caps)
        try:
            return self.lease.confirm(place, self.sending_run(first)(place.fence))
        except HandrailError as error:
            self.lease.give_back(place, error)
        return self.do_create(second)

    def do_repeat(self, target: str) -> Any:
        """Repeat a create by its request id."""
        world = self.world
        begun = world.intents.setdefault(target, int(world.now))
        place = self.lease.repeat_create(self.wanted(target), begun, world.caps)
        world.judge_standing(target, getattr(place, "instance", ""))
        return self.carry_out_create(target, place) if hasattr(place, "fence") else place

    def do_undo(self, target: str) -> Any:
        """Undo a create."""
        begun = self.world.intents.setdefault(target, int(self.world.now))
        place = self.lease.take_for_undo(self.wanted(target), begun)
        return self.lease.carry_out(place, self.sending_run(target))

    def carry_out_create(self, name: str, place: Any) -> Any:
        """Make the call, and tell the outcome as the runner does."""
        ended = self.lease.carry_out(place, self.sending_run(name))
        self.world.judge_end(name, ended)
        if ended.end.name == "DONE":
            self.tell(name, "MADE", ended.instance)
        return ended

    def do_start(self, target: str) -> Any:
        """Start an instance, if there is one."""
        inst = self.world.instance(target)
        if inst is None:
            return None
        place = self.lease.take_for_start(self.wanted(target, inst.id), self.world.caps, wait=self.world.waits)
        return self.lease.carry_out(place, self.sending_start(inst.id))

    def do_rename(self, target: str) -> Any:
        """Give an instance a name: a>b."""
        target, name = target.split(">")
        inst, world = self.world.instance(target), self.world
        if inst is None or inst.state in (*GONE, "absent"):
            return None
        with self.lease.naming(NameWish(inst.region, name, inst.id)) as fence:
            return self.send(fence, f"rename {inst.id} {name}", lambda: world.ec2.rename(inst.id, name, world.now))

    def do_letgo(self, target: str) -> Any:
        """Let a place go without a look, where its region can't be looked at."""
        slot, inst = self.world.slots[target], self.world.instance(target)
        keys = (self.world.code.places.create_key(target), self.world.code.places.start_key(inst.id if inst else ""))
        for key in self.world.places.keys() & set(keys):
            self.lease.overview()
            self.world.letting_go.add(key)
            self.lease.let_go(key)
        return slot.region in self.lease.unseen

    def do_stop(self, target: str) -> Any:
        """Stop an instance, then see whether its place is free."""
        inst = self.world.instance(target)
        if inst is None:
            return None
        self.world.switch()
        self.world.note(f"stop {inst.id}")
        self.world.ec2.stop(inst, self.world.now)
        self.world.switch()
        return self.lease.note_stopped(inst.id, inst.token)

    def do_terminate(self, target: str) -> Any:
        """Terminate an instance; the reply shows it."""
        inst = self.world.instance(target)
        if inst is None:
            return None
        self.world.switch()
        self.world.note(f"terminate {inst.id}")
        self.world.ec2.terminate(inst, self.world.now)
        return self.lease.note_gone(inst.id, inst.token)

    def do_settle(self, target: str) -> Any:
        """Settle every place, or the one named."""
        return self.lease.settle({target} if target else None)

    def do_recover(self, target: str) -> Any:
        """Tell what became of a create whose command was cut off, as the next command of anybody does."""
        world = self.world
        times, begun = world.times, world.intents.get(target)
        world.switch()
        if begun is None or world.now <= begun + times.term + times.visibility or target in world.told:
            return None
        slot = world.slots[target]

        def look() -> Any:
            seen = _Compute(world, self).look(slot.region, (), (token_of(target),))
            fate = world.code.places.Fate.ADOPTED if seen else world.code.places.Fate.NOTHING
            return world.code.ports.Told(fate, seen[0].instance if seen else "", self.by, int(world.now))

        return self.lease.tell_absent(target, target, look)

    def tell(self, request: str, fate: str, instance: str) -> None:
        """Put the outcome on record."""
        told = self.world.code.ports.Told(self.world.code.places.Fate[fate], instance, self.by, int(self.world.now))
        _Outcomes(self.world).put_if_absent(request, told)

    # ---- calls under a fence: what the adapter and botocore do -------------------------------------------------------

    def sending_run(self, name: str) -> Callable[[Any], str]:
        """Return the call that RunInstances makes for a slot."""
        world, slot = self.world, self.world.slots[name]
        return lambda fence: self.send(
            fence,
            f"run {name}",
            lambda: world.ec2.run(token_of(name), slot.region, slot.owner, world.now, slot.name),
        )

    def sending_start(self, id: str) -> Callable[[Any], str]:
        """Return the call that StartInstances makes."""
        return lambda fence: self.send(fence, f"start {id}", lambda: self.world.ec2.start(id, self.world.now))

    def send(self, fence: Any, what: str, effect: Callable[[], str]) -> str:
        """Sign, ask the fence, send, at every attempt; return the instance id. Raises HandrailError."""
        world = self.world
        for _ in range(world.attempts):
            world.switch()
            if world.flaws.fence_before_signing:
                fence.before_send(int(world.now + self.ahead))
                world.switch()
            signed = int(world.now + self.ahead)
            if world.rng.random() < 0.2:
                world.switch()
            if not world.flaws.fence_before_signing:
                fence.before_send(signed)
            world.switch()
            reply = world.post(f"{what} by {self.name}", signed, effect)
            if reply is None:
                continue
            if reply[0] == " ":
                fence.answered()
                raise AwsFailure("AWS says no", code=reply[1:])
            fence.carried_out()
            return reply
        raise Unreachable("no answer")


class World:
    """The state of everything, the scheduler, and the invariants."""

    def __init__(
        self,
        seed: int,
        code: Any = REAL,
        flaws: Flaws = SOUND,
        watch: str = "",
        times: tuple[int, ...] | None = None,
    ) -> None:
        self.rng = Random(seed)
        self.code, self.flaws, self.watch = code, flaws, watch
        self.trace: list[str] | None = None
        self.now = START + self.rng.randrange(4) / 4
        self.loop = getcurrent()
        self.concurrent = True
        self.times = code.places.Times(
            *(times or self.rng.choice(((4, 3, 2, 2), (9, 2, 2, 2), (5, 3, 1, 6), (6, 4, 6, 2))))
        )
        self.slots: dict[str, Slot] = {}
        self.intents: dict[str, int] = {}
        self.regions: tuple[str, ...] = ("r1",)
        self.caps: tuple[Any, ...] = ()
        self.clients: list[Client] = []
        self.attempts, self.waits = 2, False
        self.item = code.places.Versioned({}, 0, 0)
        self.told: dict[str, Any] = {}
        self.network: list[tuple[str, float, Callable[[], Any]]] = []
        self.restless, self.jumpy, self.stalls = 1.0, 0.0, 0.0
        self.favourite: Client | None = None
        self.loss = self.glitches = self.crashes = self.freezes = self.dark = 0.0
        self.darkness: set[str] = set()
        self.letting_go: set[str] = set()
        self.outside: list[str] = []
        self.dirty = True
        lag = self.times.visibility if flaws.true_lag is None else flaws.true_lag
        self.ec2 = Ec2(self.rng, self.times.life, lag, 0.0)
        self.ec2.forgets_tokens = flaws.forgets_tokens

    @property
    def places(self) -> Any:
        """Return the places as they are."""
        return self.item.places

    @property
    def version(self) -> int:
        """Return the version of the item."""
        return int(self.item.version)

    def note(self, text: str) -> None:
        """Add a line to the trace of a replay."""
        if self.trace is not None:
            who = next((one.name for one in self.clients if one.thread is getcurrent()), "-")
            self.trace.append(f"{self.now - START:7.2f} {who:>3} {text}")

    def instance(self, target: str) -> Inst | None:
        """Return the instance of a slot."""
        return self.ec2.by_token.get(token_of(target))

    def place_of(self, inst: Inst) -> Any:
        """Return the place of an instance."""
        return self.code.places.place_of(self.places, inst.id, inst.token)

    # ---- the network -------------------------------------------------------------------------------------------------

    def switch(self) -> None:
        """Let the scheduler decide when this client goes on, if ever."""
        if self.concurrent:
            self.loop.switch()
        self.dirty = True

    def lost(self) -> bool:
        """Return whether this reply is lost: of any call but one under a fence."""
        return self.concurrent and self.rng.random() < self.glitches

    def post(self, what: str, signed: float, effect: Callable[[], str]) -> str | None:
        """Send a signed request to EC2; None: no reply, and it may act later, while its signature is young enough."""
        if self.concurrent and self.rng.random() < self.loss:
            luck = self.rng.random()
            if luck < 0.5:
                self.network.append((what, signed, effect))
            elif luck < 0.8 and not self.ec2.too_old(signed, self.now):
                self.note(f"{what} (reply lost): {effect()}")
            return None
        reply = " expired" if self.ec2.too_old(signed, self.now) else effect()
        self.note(f"{what}: {reply}")
        return reply

    def deliver(self) -> None:
        """Let a request that hung arrive."""
        what, signed, effect = self.network.pop(int(self.rng.random() * len(self.network)))
        if not self.ec2.too_old(signed, self.now):
            self.note(f"{what} arrives late: {effect()}")
            self.dirty = True

    # ---- the scheduler -----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run to the end, then drain. Raises Broken."""
        for client in self.clients:
            client.frozen = self.now + (self.rng.random() < 0.3) * self.rng.randrange(12)
        try:
            while any(not client.dead for client in self.clients):
                self.step()
                if self.dirty:
                    self.check()
            while self.network:
                self.now += self.rng.randrange(3) / 2
                self.deliver()
                self.check()
            self.drain()
        finally:
            for client in self.clients:
                client.thread.throw()

    def step(self) -> None:
        """Let one thing happen."""
        luck = self.rng.random()
        if luck < 0.82:
            self.let_a_client_go_on()
        elif luck < 0.93:
            self.advance()
        elif luck < 0.98 and self.network:
            self.deliver()
        elif self.outside:
            self.from_outside(self.outside.pop())

    def let_a_client_go_on(self) -> None:
        """Pick a client that is neither dead nor frozen nor waiting, and let it make its next call; or kill it."""
        now = self.now
        ready = [one for one in self.clients if not (one.dead or one.stalled or one.frozen > now or one.wake > now)]
        if not ready:
            if self.rng.random() < 0.1:
                self.wake_the_stalled()
            elif self.network and self.rng.random() < 0.15:
                self.deliver()
            else:
                self.advance()
            return
        if self.favourite not in ready or self.rng.random() < self.restless:
            self.favourite = ready[int(self.rng.random() * len(ready))]
        client = self.favourite
        client.steps += 1
        luck = self.rng.random()
        if client.steps == client.stall:
            self.note(f"{client.name} stalls")
            client.stalled = True
        elif luck < self.crashes:
            self.note(f"{client.name} is killed")
            client.dead = True
        elif luck < self.crashes + self.freezes:
            client.frozen = self.now + self.rng.randrange(1, 16)
            self.note(f"{client.name} freezes until {client.frozen - START}")
        else:
            client.thread.switch()

    def wake_the_stalled(self) -> None:
        """Let those go on that stood still while everybody else did what they could."""
        for client in self.clients:
            client.stalled = False

    def advance(self) -> None:
        """Let time pass: a little, or up to a moment at which something ends."""
        step = (0.25, 0.25, 0.5, 1.0, 1.0, 2.0)[self.rng.randrange(6)]
        if self.places and self.rng.random() < self.jumpy:
            ends = sorted(place.until for place in self.places.values())
            end = ends[int(self.rng.random() * len(ends))] + self.rng.randrange(self.times.visibility + 2)
            step = max(step, end - self.now)
        self.now += step
        if self.dark:
            self.darkness = {region for region in self.regions if self.rng.random() < self.dark}
        for inst in self.ec2.instances.values():
            if self.rng.random() < 0.3 and self.ec2.progress(inst, self.now):
                self.note(f"{inst.id} is {inst.state}")

    def from_outside(self, what: str) -> None:
        """Let somebody without Handrail start, stop or terminate an instance."""
        every = [inst for inst in self.ec2.instances.values() if inst.state in ("stopped", *LIVE)]
        if not every:
            return
        inst = every[int(self.rng.random() * len(every))]
        self.note(f"somebody outside: {what} {inst.id}")
        if what == "stop":
            self.ec2.stop(inst, self.now)
        elif what == "terminate":
            self.ec2.terminate(inst, self.now)
        elif inst.state == "stopped":
            inst.become("pending", self.now)

    # ---- the invariants ----------------------------------------------------------------------------------------------

    def breaks(self, name: str, text: str) -> None:
        """Raise Broken, unless only another invariant is watched."""
        if self.watch in ("", name):
            raise Broken(name, text)

    def check(self) -> None:
        """Raise Broken if an invariant does not hold now."""
        self.dirty = False
        running = [inst for inst in self.ec2.instances.values() if inst.ours and inst.state in LIVE]
        for cap in self.caps:
            for group in self.groups(cap, running):
                if len(group) > cap.limit:
                    self.breaks("CAP", f"{cap.scope}: {[inst.id for inst in group]} run")
        for inst in running:
            if self.place_of(inst) is None:
                self.breaks("ORPHAN", f"{inst.id} runs without a place")
        if self.ec2.doubled:
            self.breaks("DOUBLE", f"{self.ec2.doubled} launched twice")
        alive = [inst for inst in self.ec2.instances.values() if inst.state not in (*GONE, "absent")]
        if len({(inst.name, inst.region) for inst in alive}) < len(alive):
            self.breaks("NAME", f"two have one name: {[(inst.id, inst.name) for inst in alive]}")
        self.judge_record()

    def groups(self, cap: Any, running: list[Inst]) -> list[list[Inst]]:
        """Return what runs, parted as this cap counts it."""
        if cap.scope == "account":
            return [running]
        names = {getattr(inst, cap.scope) for inst in running}
        return [[inst for inst in running if getattr(inst, cap.scope) == name] for name in names]

    def judge_terminate(self, client: Client, inst: Inst) -> None:
        """Raise Broken if clean-up terminates what somebody else has a place for."""
        place = self.place_of(inst)
        others = place is not None and place.state.value != "ending" and not place.mark.startswith(client.name + ".")
        if others and inst.state in LIVE:
            self.breaks("STOLEN", f"{client.name} terminates {inst.id} under {place.mark}")

    def judge_write(self, places: dict[str, Any]) -> None:
        """Raise Broken if a place goes whose requests have no outcome (rule 7)."""
        for key, place in self.places.items():
            untold = [request for request in place.requests if request not in self.told]
            if key not in places and untold:
                self.breaks("RECORD", f"{key} is removed, and nothing is told of {untold}")

    def judge_standing(self, request: str, instance: str) -> None:
        """Raise Broken if a repeat is told of an instance that another request made."""
        if instance and self.ec2.instances[instance].token != token_of(request):
            self.breaks("LIE", f"{request} is told that it made {instance}")

    def abandon(self, places: Any) -> None:
        """Note what is let go of by this write: what is there now is nobody's any more, what appears later is."""
        for key in self.letting_go & (self.places.keys() - places.keys()):
            place = self.places[key]
            self.letting_go.remove(key)
            for inst in self.ec2.instances.values():
                inst.ours &= inst.id != place.instance and inst.token != place.token

    def judge_record(self) -> None:
        """Raise Broken if the record says that there is nothing of what was launched and has not vanished since."""
        for request, told in self.told.items():
            inst = self.ec2.by_token.get(token_of(request))
            fate = told.fate.value
            if inst is not None and inst.state != "absent" and fate in MADE_NOTHING:
                self.breaks("LIE", f"{request} is on record as {fate}, and {inst.id} is {inst.state}")
            if inst is None and fate not in MADE_NOTHING and request in self.slots:
                self.breaks("LIE", f"{request} is on record as {fate}, and nothing was launched")

    def judge_end(self, name: str, ended: Any) -> None:
        """Raise Broken if a client is told what is not so."""
        launched = token_of(name) in self.ec2.launched
        if ended.end.name in ("DONE", "GIVEN_BACK") and launched != (ended.end.name == "DONE"):
            self.breaks("LIE", f"{name} ended {ended.end.value}, launched: {launched}")

    def drain(self) -> None:
        """With every client dead and the network empty: settling must bring places and instances in order."""
        self.concurrent = False
        self.dark, self.darkness = 0.0, set()
        self.loop = getcurrent()
        janitor = Client(self, "j", "janitor", 0.0, ())
        for _ in range(4):
            self.now += self.times.term + self.times.visibility + 2 * self.ec2.lag + 2
            for inst in self.ec2.instances.values():
                self.ec2.progress(inst, self.now)
            janitor.lease.settle()
            self.check()
        for place in self.places.values():
            state = self.ec2.instances[place.instance].state if place.instance else "absent"
            if place.state.value != "held" or state not in LIVE:
                self.breaks("STUCK", f"{place} stays, its instance is {state}")


class _Store:
    """The simulated item of DynamoDB."""

    def __init__(self, world: World) -> None:
        self.world = world

    def read(self) -> Any:
        """Return the item as it is."""
        world = self.world
        world.switch()
        if world.lost() and world.rng.random() < 0.3:
            raise Unreachable("no answer")
        return replace(world.item, date=int(world.now))

    def write(self, item: Any) -> Any:
        """Write on its version; the reply may be lost, the write late. Version None: without a condition (a mutant)."""
        world = self.world
        world.switch()
        if world.lost():
            if world.rng.random() < 0.5:
                self.apply(item)
            else:
                world.network.append(("write", world.now + 30, lambda: self.apply(item)))
            raise Unreachable("no answer")
        self.apply(item)
        return replace(world.item, date=int(world.now))

    def apply(self, item: Any) -> str:
        """Write if the version is as expected, through the form in which it is stored."""
        world = self.world
        if item.version not in (None, world.version):
            world.note(f"write over {item.version} fails: version {world.version}")
            return "conflict"
        world.judge_write(item.places)
        world.abandon(item.places)
        world.item = replace(item, version=world.version + 1)
        world.dirty = True
        if world.trace is not None:
            shown = [_short(place) for place in item.places.values()]
            world.note(f"version {world.version}: {shown} {list(item.names.values()) or ''}")
        return "written"


def _short(place: Any) -> str:
    until = place.until - int(START)
    return f"{place.key} {place.state.value} {place.call.value} {place.mark} {place.instance} {until} {place.fate}"


class _Compute:
    """The simulated calls of EC2 that need no fence."""

    def __init__(self, world: World, client: Client) -> None:
        self.world, self.client = world, client

    def look(self, region: str, instances: Sequence[str], tokens: Sequence[str]) -> list[Any]:
        """Describe by id and token."""
        self.world.switch()
        chosen = [
            inst
            for inst in self.world.ec2.instances.values()
            if inst.region == region and (inst.id in instances or inst.token in tokens)
        ]
        return self.seen(region, chosen, ("absent",))

    def look_all(self, region: str) -> list[Any]:
        """Describe what runs."""
        self.world.switch()
        chosen = [inst for inst in self.world.ec2.instances.values() if inst.region == region]
        return self.seen(region, chosen, ("absent", *GONE))

    def terminate(self, region: str, instances: Sequence[str]) -> list[Any]:
        """Terminate; the reply shows the new state."""
        world = self.world
        world.switch()
        assert region in world.regions
        chosen = [world.ec2.instances[id] for id in instances if world.ec2.instances[id].state != "absent"]
        if world.lost() and world.rng.random() < 0.5:
            raise Unreachable("no answer")
        for inst in chosen:
            world.judge_terminate(self.client, inst)
            world.note(f"terminate {inst.id}")
            world.ec2.terminate(inst, world.now)
        if world.lost():
            raise Unreachable("no answer")
        return [world.code.places.Seen(one.id, one.state, one.token, one.region, one.owner) for one in chosen]

    def seen(self, region: str, chosen: list[Inst], hidden: tuple[str, ...]) -> list[Any]:
        """Return what a lagging Describe shows of these."""
        world = self.world
        if region in world.darkness:
            raise Unreachable(f"{region} is dark")
        if world.lost() and world.rng.random() < 0.3:
            raise Unreachable("no answer")
        lag, rng = world.ec2.lag, world.rng
        shown = [(inst, inst.visible(world.now, lag, rng)) for inst in chosen]
        if world.trace is not None:
            world.note(f"look: {[(inst.id, state) for inst, state in shown]}")
        return [
            world.code.places.Seen(
                inst.id,
                state,
                inst.token,
                inst.region,
                inst.owner,
                inst.visible_name(world.now, lag, rng),
            )
            for inst, state in shown
            if state not in hidden
        ]


class _Outcomes:
    """The simulated record."""

    def __init__(self, world: World) -> None:
        self.world = world

    def put_if_absent(self, request: str, told: Any) -> None:
        """Tell an outcome, once."""
        self.world.switch()
        if request not in self.world.told:
            self.world.note(f"told of {request}: {told.fate.value}")
            self.world.told[request] = told

    def put_over(self, request: str, told: Any, over: Any) -> bool:
        """Tell an outcome and write the item anew, over one version of it."""
        self.world.switch()
        if request in self.world.told or over.version != self.world.version:
            return False
        self.world.note(f"told of {request}: {told.fate.value}, version {over.version + 1}")
        self.world.told[request] = told
        self.world.item = replace(self.world.item, version=self.world.version + 1)
        return True

    def find(self, request: str) -> Any:
        """Return the outcome."""
        self.world.switch()
        return self.world.told.get(request)
