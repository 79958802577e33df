"""Broken leases, made from the source of the real one: each must be found by some seed."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import handrail.ledger
from mutating import Patch, broken, imported

from .world import REAL, Flaws

SOURCE = Path(handrail.ledger.__path__[0])
BROKEN = "mutant_ledger"
Patches = Mapping[str, tuple[Patch, ...]]


@dataclass(frozen=True)
class Mutant:
    """A broken rule. finds: the invariant that it must break; scenarios: where it is looked for."""

    finds: str
    scenarios: tuple[str, ...]
    patches: Patches = field(default_factory=dict)
    flaws: Flaws = field(default_factory=Flaws)
    mood: Mapping[str, Any] = field(default_factory=dict)

    def how(self) -> dict[str, Any]:
        """Return the arguments of `build` that make a world with this mutant."""
        return {
            "code": load(self.patches),
            "flaws": self.flaws,
            "only": self.scenarios,
            "watch": self.finds,
            "mood": self.mood,
        }


def load(patches: Patches) -> Any:
    """Return the ledger's modules with their source patched, under another package name."""
    for name in [name for name in sys.modules if name.partition(".")[0] == BROKEN]:
        del sys.modules[name]
    sources = {file.stem: broken(file, patches.get(file.stem, ())) for file in SOURCE.glob("*.py")}
    assert patches.keys() <= sources.keys()
    package = sys.modules[BROKEN] = ModuleType(BROKEN)
    package.__path__ = []
    mutants = {
        f"{BROKEN}.{name}": (str(SOURCE / f"{name}.py"), source.replace("handrail.ledger", BROKEN))
        for name, source in sources.items()
    }
    with imported(mutants):
        loaded = {name: import_module(f"{BROKEN}.{name}") for name in vars(REAL)}
    assert {f"{BROKEN}.{name}" for name in patches} <= sys.modules.keys(), "a mutant that is not loaded breaks nothing"
    return SimpleNamespace(**loaded)


SLOW_LOOKS = (6, 4, 6, 2)  # life, work, visibility, skew: a Describe that lags longer than a create takes
LONG_LIFE = (9, 2, 2, 2)
FAR_CLOCKS = (5, 3, 1, 6)


def mood(**others: Any) -> dict[str, Any]:
    """Return chances under which little happens but that clients stand still in the middle of what they do."""
    calm = {"loss": 0.0, "glitches": 0.0, "crashes": 0.0, "freezes": 0.0, "jumpy": 0.0, "outside": []}
    return {**calm, "stalls": 0.6, "restless": 1.0, "refusals": 0, "skews": (0,), **others}


KEYS_WITHOUT_KIND = (
    ('return f"{Call.CREATE}:{request}"', "return request"),
    ('return f"{Call.START}:{instance}"', "return instance"),
    ('made = self.key.startswith(f"{Call.CREATE}:")', "made = self.key != self.instance"),
)

MUTANTS: dict[str, Mutant] = {
    # ---- lease-protocol, section 7
    "no-fence": Mutant(
        "CAP",
        (
            "create+grab",
            "start+grab",
        ),
        {"fence": (("if end > self.until:", "if False:"),)},
        mood=mood(times=SLOW_LOOKS),
    ),
    "fence-before-signing": Mutant(
        "CAP",
        (
            "create+grab",
            "start+grab",
        ),
        flaws=Flaws(fence_before_signing=True),
        mood=mood(times=SLOW_LOOKS),
    ),
    "free-when-stop-called": Mutant(
        "CAP",
        (
            "create-stop",
            "restart",
            "start+grab",
        ),
        {"settling": (("state = self._settle(state, {place.key})[0]", "self.note_gone(instance, token)"),)},
        mood=mood(loss=0.3, times=SLOW_LOOKS),
    ),
    "no-wait-for-V": Mutant(
        "CAP",
        (
            "start+grab",
            "start-late",
            "create+grab",
        ),
        {"places": (("return date > until + self.visibility", "return date > until"),)},
        mood=mood(loss=0.2, times=SLOW_LOOKS),
    ),
    "early-recovery-of-start": Mutant(
        "CAP",
        (
            "start+grab",
            "start-late",
        ),
        {
            "settling": (
                (
                    "trusted = self._times.trusted(place.until, state.date)",
                    "trusted = place.call.value == 'start' or self._times.trusted(place.until, state.date)",
                ),
            )
        },
        mood=mood(times=SLOW_LOOKS),
    ),
    "read-then-write": Mutant(
        "CAP",
        ("create2", "start+create"),
        {"item": (("self._holders.write(new)", "self._holders.write(replace(new, version=None))"),)},
    ),
    "look-without-version": Mutant(
        "CAP",
        (
            "restart",
            "restart-stopped",
            "settlers",
        ),
        {
            "settling": (
                (
                    "places, steps = self._settled_places(state, steps)",
                    "read = self._holders.read()\n        places, steps = self._settled_places(read, steps)",
                ),
                ("self._write(replace(state, places=places))", "self._write(replace(read, places=places))"),
                ("del places[place.key]", "places.pop(place.key, None)"),
            )
        },
        mood=mood(),
    ),
    "token-forgotten": Mutant(
        "DOUBLE",
        (
            "undo",
            "undo-rerun",
            "rerun-stop",
        ),
        flaws=Flaws(forgets_tokens=True),
        mood=mood(),
    ),
    "V-larger-than-assumed": Mutant(
        "CAP",
        (
            "create+grab",
            "restart",
        ),
        flaws=Flaws(true_lag=8.0),
        mood=mood(),
    ),
    "terminate-not-repeated": Mutant(
        "STUCK",
        (
            "undo+grab",
            "undo-settle",
        ),
        {"settling": (("seen = self._terminate_again(place) or seen", "pass"),)},
        mood=mood(crashes=0.06, glitches=0.1, stalls=0.0),
    ),
    # ---- lease-protocol, section 6: the proposal's errors
    "proposal-held-any-look": Mutant(
        "CAP",
        (
            "start+grab",
            "restart",
            "create+grab",
        ),
        {
            "settling": (
                (
                    "trusted = self._times.trusted(place.until, state.date)",
                    "trusted = place.state.value == 'held' or self._times.trusted(place.until, state.date)",
                ),
            )
        },
        mood=mood(loss=0.2, times=SLOW_LOOKS),
    ),
    "proposal-start-forgets": Mutant(
        "CAP",
        ("start+grab",),
        {"lease": (("return now if place.launching else max(now, fence.open_until or 0)", "return now"),)},
        mood=mood(loss=0.35, attempts=3, times=LONG_LIFE),
    ),
    "proposal-lost-epoch-kills": Mutant(
        "STOLEN",
        (
            "create+grab",
            "rerun+grab",
        ),
        {
            "lease": (
                (
                    "        if place.mark == taken.mark:\n",
                    "        if place.mark != taken.mark:\n"
                    "            self._compute.terminate(place.region, [instance])\n"
                    "        if place.mark == taken.mark:\n",
                ),
            )
        },
        mood=mood(),
    ),
    "proposal-epoch-elsewhere": Mutant(
        "CAP",
        (
            "undo+grab",
            "rerun+grab",
        ),
        {
            "places": (
                (
                    "return replace(place, mark=mark, by=wanted.by, until=max(place.until, now + times.term), "
                    "requests=requests)",
                    "return replace(place, mark=mark, by=wanted.by, requests=requests)",
                ),
            ),
            "taking": (
                (
                    "fence = Fence(place.until, self._times, ask.inherited)",
                    "now = self._holders.read().date\n"
                    "        fence = Fence(now + self._times.term, self._times, ask.inherited)",
                ),
            ),
        },
        mood=mood(),
    ),
    "proposal-unmarked": Mutant(
        "CAP",
        ("rerun+grab",),
        {
            # The take-over extends the place's time, but whose it is stands elsewhere: the old mark stays good.
            "places": (
                (
                    "return replace(place, mark=mark, by=wanted.by, until=max",
                    "return replace(place, by=mark, until=max",
                ),
            ),
            "taking": (
                (
                    "return place is not None and place.mark == self.mark",
                    "return place and self.mark in (place.mark, place.by)",
                ),
            ),
        },
        mood=mood(skews=(60, 0, 0), times=SLOW_LOOKS),
    ),
    "proposal-undo-frees-first": Mutant(
        "CAP",
        ("undo+grab",),
        {
            "lease": (
                (
                    "        try:\n            seen = self._compute.terminate(place.region, [instance])",
                    "        self.note_gone(instance, place.token)\n"
                    "        try:\n            seen = self._compute.terminate(place.region, [instance])",
                ),
            )
        },
        mood=mood(times=SLOW_LOOKS),
    ),
    "proposal-error-frees": Mutant(
        "CAP",
        ("create+grab",),
        {
            "lease": (
                (
                    "return fence.open_until is None and not fence.took_effect and error.slug != TOKEN_MISMATCH",
                    "return error.slug == 'capacity'",
                ),
            )
        },
        mood=mood(loss=0.35, refusals=2, attempts=3, times=LONG_LIFE),
    ),
    "proposal-clock": Mutant(
        "CAP",
        (
            "start-late",
            "create+grab",
        ),
        {
            "places": (
                ("return self.life + self.work + self.skew", "return self.life + self.work"),
                ("return ceil(signed) + self.life + self.skew", "return ceil(signed) + self.life"),
            )
        },
        mood=mood(loss=0.35, attempts=1, stalls=0.0, jumpy=0.1, clock_ahead=-5, times=FAR_CLOCKS),
    ),
    # ---- ids that are chosen badly
    "key-without-kind": Mutant("LIE", ("bad-ids",), {"places": KEYS_WITHOUT_KIND}, mood=mood(stalls=0.0)),
    "key-overwritten": Mutant(
        "CAP",
        ("bad-ids",),
        {
            "places": (*KEYS_WITHOUT_KIND, ("        if place.key in grown:", "        if False:")),
            "taking": (("            if standing:\n", "            if False:\n"),),
        },
        mood=mood(times=SLOW_LOOKS),
    ),
    # ---- names
    "name-not-judged": Mutant(
        "NAME",
        ("rename2", "rename+create"),
        {"naming": (("            self._check_names(state, [wish], self._look_here(wish.region))\n", ""),)},
        mood=mood(),
    ),
    "name-not-in-the-item": Mutant(
        "NAME",
        ("rename2",),
        {"naming": (("if given is not None and (not wish.instance or", "if False and (not wish.instance or"),)},
        mood=mood(times=SLOW_LOOKS),
    ),
    "name-of-a-create-not-judged": Mutant(
        "NAME",
        ("rename+create", "same-name"),
        {"naming": (("                    self._check_not_coming(place, wish)", "                    pass"),)},
        mood=mood(times=SLOW_LOOKS),
    ),
    "name-given-and-forgotten": Mutant(
        "NAME",
        ("rename2", "rename+create"),
        {"naming": (('replace(mine, until=until, mark="")', "replace(mine, until=0)"),)},
        mood=mood(times=SLOW_LOOKS),
    ),
    "name-given-back-while-open": Mutant(
        "NAME",
        ("rename2", "rename+create"),
        {
            "naming": (
                ("            if fence.open_until is None and not fence.took_effect:\n", "            if True:\n"),
            )
        },
        mood=mood(loss=0.35, times=SLOW_LOOKS),
    ),
    # ---- regions that can't be looked at
    "dark-counts-as-absent": Mutant(
        "CAP",
        ("create+grab", "restart", "dark"),
        {"settling": (("if place.fate or place.region not in self.unseen]", "if True]"),)},
        mood=mood(dark=0.3),
    ),
    "let-go-while-open": Mutant(
        "ORPHAN",
        ("dark",),
        {"settling": (("over = self._times.trusted(place.until, state.date)", "over = True"),)},
        mood=mood(dark=0.5, loss=0.35),
    ),
    # ---- what this code does beyond the protocol
    "outcome-told-before-closing": Mutant(
        "LIE",
        ("rerun", "rerun-stop"),
        {
            "places": (
                ("        return Verdict.CLOSE", "        return Verdict.FREE"),
                ("return Fate.MADE if place.call is Call.CREATE", "return Fate.NOTHING if place.call is Call.CREATE"),
            )
        },
    ),
    "outcome-not-asked": Mutant(
        "LIE",
        ("rerun", "rerun-stop"),
        {"taking": (("if self._outcomes.find(one.request) is not None:", "if False:"),)},
    ),
    "recovery-without-a-version": Mutant(
        "LIE",
        ("recover", "recover-rerun"),
        {
            "settling": (
                (
                    "if self._outcomes.put_over(request, told, state):",
                    "if self._outcomes.put_if_absent(request, told):",
                ),
            )
        },
        mood=mood(jumpy=0.4),
    ),
    "recovery-of-what-has-a-place": Mutant(
        "LIE",
        ("recover", "recover-rerun"),
        {"settling": (("if request in one.requests), None)", "if False), None)"),)},
        mood=mood(jumpy=0.4, times=SLOW_LOOKS),
    ),
    "outcome-after-removal": Mutant(
        "RECORD",
        ("create-stop",),
        {
            "settling": (
                (
                    "self._tell(place, self._told(rules.fate_of(place, step.seen), date, step.instance))",
                    "pass",
                ),
            )
        },
    ),
    "confirm-with-an-old-date": Mutant(
        "CAP",
        (
            "create2",
            "create+grab",
        ),
        {"lease": (("return now if place.launching", "return place.since if place.launching"),)},
        mood=mood(loss=0.1, times=SLOW_LOOKS),
    ),
    "confirm-read-failed-gives-back": Mutant(
        "CAP",
        ("fallback",),
        {"lease": (("fence.open_until is None and not fence.took_effect", "fence.open_until is None"),)},
    ),
}
