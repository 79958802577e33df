"""What a seed becomes: who runs which commands, over which instances, under which caps, with which mishaps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from handrail.core.ownership import token_of

from .ec2 import LIVE
from .world import REAL, SOUND, START, Client, Flaws, Slot, World

Mood = Mapping[str, Any]
MILD: Mood = {}
Script = tuple[tuple[str, str], ...]


def script(text: str) -> Script:
    """Return the lines of "create a, stop b" as pairs."""
    lines = (line.split() for line in text.split(",") if line.strip())
    return tuple((words[0], words[1] if len(words) > 1 else "") for words in lines)


# name: (cap, instances that exist: state, with a * for a place), scripts of the clients. Requests a, b … are slots.
SCENARIOS: dict[str, tuple[int, dict[str, str], Sequence[str]]] = {
    "create2": (1, {}, ("create a", "create b", "stop a, grab c")),
    "create-stop": (1, {}, ("create a, stop a", "grab b, stop b, create c", "stop a, settle")),
    "create-kill": (1, {}, ("create a, terminate a", "grab b", "settle, create c")),
    "create+grab": (1, {}, ("create a", "grab b")),
    "start+create": (1, {"a": "stopped"}, ("start a", "stop a, grab b", "settle, stop a, create c")),
    "start+grab": (1, {"a": "stopped"}, ("start a, stop a", "grab b")),
    "start2": (1, {"a": "stopped", "b": "stopped"}, ("start a, stop a", "start b, stop b", "settle, settle")),
    "restart": (1, {"a": "running*"}, ("stop a, start a", "settle, grab b", "stop a, create c")),
    "restart-stopped": (1, {"a": "stopped*"}, ("start a", "settle, grab b", "settle, stop a")),
    "rerun": (1, {}, ("create a", "repeat a", "grab b", "settle, create c")),
    "rerun-stop": (1, {}, ("create a", "repeat a, stop a", "repeat a, terminate a", "create b, grab c")),
    "undo": (1, {}, ("create a", "undo a", "grab b, settle, create c")),
    "undo-rerun": (1, {}, ("create a", "undo a", "repeat a", "create b, grab c")),
    "rerun+grab": (1, {}, ("create a", "repeat a", "grab b")),
    "undo+grab": (1, {}, ("reserve a", "undo a", "grab b")),
    "start-late": (1, {"a": "stopped"}, ("start a", "grab b")),
    "undo-settle": (1, {}, ("create a", "undo a", "settle, settle")),
    "same-start": (1, {"a": "stopped"}, ("start a", "start a", "grab b", "stop a, create c")),
    "start-kill": (1, {"a": "stopped"}, ("start a", "terminate a, grab b", "start a, create c")),
    "outside": (1, {"a": "stopped", "b": "running"}, ("start a, stop a", "grab c", "settle, create d")),
    "cap2": (2, {"a": "running*", "b": "stopped"}, ("start b, stop b", "grab c", "stop a, create d", "create e")),
    "count": (2, {}, ("create a+b", "create c, stop c", "grab d+e", "stop a, create f")),
    "fallback": (1, {}, ("fallback a+b", "grab c", "settle, stop b")),
    "fallback-rerun": (1, {}, ("fallback a+b", "repeat a", "repeat b", "create d")),
    "one-by-one": (1, {"a": "running*"}, ("terminate a, create b", "grab c, stop c", "settle a", "settle, create d")),
    "settlers": (1, {"a": "running*"}, ("stop a, settle", "settle, grab b", "settle, start a", "settle")),
    "recover": (1, {}, ("create a", "settle, recover a", "recover a, recover a")),
    "recover-rerun": (1, {}, ("create a", "repeat a", "settle a, recover a, grab b", "recover a, recover a")),
    # Requests whose ids are those of instances: i-0 is the first that exists.
    "bad-ids": (2, {"a": "stopped"}, ("create i-0, stop i-0", "start a, stop a", "repeat i-0, grab b", "grab c")),
    "bad-ids-repeat": (
        2,
        {"a": "stopped*", "b": "stopped"},
        ("start b, repeat i-1", "create i-1, start a", "undo i-0"),
    ),
    "rename2": (3, {"a": "running*", "b": "stopped"}, ("rename a>x, rename a>y", "rename b>x", "rename b>x, settle")),
    "rename+create": (3, {"a": "stopped"}, ("rename a>c", "create c, rename c>d", "grab d, rename a>a", "start a")),
    "same-name": (3, {"a": "stopped"}, ("create b=x", "create c=x, terminate c=x", "rename a>x, create d=a")),
    "dark": (1, {"a": "running*"}, ("letgo a", "grab b, letgo b", "create c, letgo c", "settle, create d")),
    "two-owners": (2, {"a": "stopped"}, ("create b, stop b", "start a, create c", "grab d", "create e, settle")),
}
NAMES = tuple(SCENARIOS)
SKEWS = (0, 0, 0, -0.5, 1, 2, -2, -6, 60)
VERBS = ("create", "grab", "start", "stop", "terminate", "repeat", "undo", "settle", "stop", "recover", "rename")


def build(
    seed: int,
    code: Any = REAL,
    flaws: Flaws = SOUND,
    *,
    only: Sequence[str] = (),
    watch: str = "",
    mood: Mood = MILD,
    trace: bool = False,
) -> World:
    """Return the world of a seed.

    only: the scenarios to choose from. watch: the one invariant to check, or all. mood: what is not left to chance:
    times, and attributes of the world.
    """
    world = World(seed, code, flaws, watch, mood.get("times"))
    world.trace = [] if trace else None
    rng = world.rng
    names = only or (*NAMES, "random", "random", "random", "random")
    name = names[seed % len(names)]
    cap, instances, scripts = random_scenario(rng) if name == "random" else SCENARIOS[name]
    two_regions = rng.random() < 0.3
    world.regions = ("r1", "r2") if two_regions else ("r1",)
    place = slot_maker(rng, world.regions, varied=name in ("two-owners", "random") or two_regions)
    for text in scripts:
        for _, target in script(text):
            for one in filter(None, target.partition(">")[0].split("+")):
                world.slots.setdefault(one, place(one, instances.get(one, "")))
    for one, state in instances.items():
        world.slots.setdefault(one, place(one, state))
    for slot in world.slots.values():
        begin(world, slot)
    world.caps = caps_of(rng, code, cap)
    mishaps(world)
    for aspect in mood.keys() - {"times", "skews"}:
        setattr(world if hasattr(world, aspect) else world.ec2, aspect, mood[aspect])
    same_user = rng.random() < 0.5
    for number, text in enumerate(scripts):
        ahead = rng.choice(mood.get("skews", SKEWS))
        by = "ann" if same_user else f"user{number}"
        client = Client(world, f"c{number}", by, ahead, script(text))
        if rng.random() < world.stalls:
            client.stall = rng.randrange(1, 14)
        world.clients.append(client)
    world.note(f"seed {seed}: {name}, {scripts}, caps {world.caps}, EC2 ahead by {world.ec2.clock_ahead}")
    return world


def slot_maker(rng: Random, regions: Sequence[str], *, varied: bool) -> Callable[[str, str], Slot]:
    """Return a function that makes slots, in one region and of one owner unless varied."""

    def make(name: str, state: str) -> Slot:
        region = regions[int(rng.random() * len(regions))]
        owner = ("ann", "ben")[int(rng.random() * 2)] if varied else "ann"
        return Slot(name, region, owner, name.partition("=")[2] or name, state.rstrip("*"), state.endswith("*"))

    return make


def begin(world: World, slot: Slot) -> None:
    """Make the instance that a slot begins with, and its place."""
    if not slot.state:
        return
    inst = world.ec2.add(token_of(slot.request), slot.region, slot.owner, slot.state, START - 100, slot.name)
    inst.ours = slot.placed and slot.state in LIVE
    if slot.placed:
        code = world.code.places
        wanted = code.Wanted(slot.request, slot.region, slot.owner, slot.owner, slot.name)
        new = code.reserved(wanted, "m0", int(START) - 90, world.times)
        until = int(START) - world.rng.choice((90, 90, 0, -1, -4))
        places = {**world.places, new.key: code.held(new, inst.id, until)}
        world.item = replace(world.item, places=places)


def caps_of(rng: Random, code: Any, cap: int) -> tuple[Any, ...]:
    """Return the caps: always one of the account, at times one of a region or owner as well."""
    caps = [code.places.Cap("account", cap)]
    if rng.random() < 0.3:
        caps[0] = code.places.Cap("account", cap + 1)
        caps.append(code.places.Cap(rng.choice(("region", "owner")), cap))
    return tuple(caps)


def mishaps(world: World) -> None:
    """Choose what goes wrong, and how often."""
    rng = world.rng
    world.loss = rng.choice((0.0, 0.05, 0.2, 0.35))
    world.glitches = rng.choice((0.0, 0.02, 0.1, 0.25))
    world.crashes = rng.choice((0.0, 0.01, 0.03, 0.06))
    world.freezes = rng.choice((0.0, 0.05, 0.15, 0.25))
    world.jumpy = rng.choice((0.0, 0.1, 0.4))
    world.dark = rng.choice((0.0, 0.0, 0.0, 0.1, 0.4))
    world.stalls = rng.choice((0.0, 0.3, 0.6))
    world.restless = rng.choice((0.1, 0.3, 1.0))
    world.attempts = rng.choice((1, 2, 2, 3))
    world.waits = rng.random() < 0.2
    most = world.times.skew - 1  # the Date header's fraction of a second takes the rest
    world.ec2.clock_ahead = rng.choice((0.0, 0.0, 0.5, 1.0, -1.0)) * most
    world.ec2.refusals = rng.choice((0, 0, 1, 2))
    world.outside = rng.choices(("stop", "start", "terminate"), (4, 2, 1), k=rng.randrange(3))


def random_scenario(rng: Random) -> tuple[int, dict[str, str], list[str]]:
    """Return commands drawn at random over a few instances."""
    names = "abcd"[: rng.randrange(2, 5)]
    states = {name: rng.choice(("", "", "stopped", "stopped*", "running*")) for name in names}
    cap = max(1, sum(state.endswith("*") for state in states.values()) + rng.randrange(2))
    scripts = []
    for _ in range(rng.randrange(2, 5)):
        lines = []
        for _ in range(rng.randrange(1, 4)):
            verb, target = rng.choice(VERBS), rng.choice(names)
            if verb in ("create", "grab", "undo", "repeat", "recover") and states[target]:
                verb = "start"
            target += f">{rng.choice(names)}" if verb == "rename" else ""
            lines.append(f"{verb} {'' if verb == 'settle' else target}")
        scripts.append(", ".join(lines))
    return cap, {name: state for name, state in states.items() if state}, scripts
