"""The policy: what the platform team allows. Text in, a frozen value out; judging is pure. Nothing here reads files.

values.py   how a value is written and compared    document.py  TOML text to Policy, with lines; init text
keys.py     the table of all keys                  judging.py   claims of a plan against all policies
reasons.py  why it refuses, as one error           bounds.py    caps, home region, defaults, whose things
clashes.py  rules of which no value passes all     width.py     what in a narrowing file has no effect
"""

from handrail.core.policy.bounds import (
    Caps,
    Home,
    Touch,
    caps,
    default,
    home_region,
    ignored,
    is_job_server,
    may_touch,
    named_regions,
    narrowest,
)
from handrail.core.policy.document import OPEN, STRICT, Policy, Rules, builtin, init_text, parse_policy
from handrail.core.policy.judging import Context, allowed, default_type, explain, judge, no_default_type, passes
from handrail.core.policy.keys import KEYS, PRESETS, Found, Key
from handrail.core.policy.reasons import Reason, refusal
from handrail.core.policy.width import without_effect

__all__ = [
    "KEYS",
    "OPEN",
    "PRESETS",
    "STRICT",
    "Caps",
    "Context",
    "Found",
    "Home",
    "Key",
    "Policy",
    "Reason",
    "Rules",
    "Touch",
    "allowed",
    "builtin",
    "caps",
    "default",
    "default_type",
    "explain",
    "home_region",
    "ignored",
    "init_text",
    "is_job_server",
    "judge",
    "may_touch",
    "named_regions",
    "narrowest",
    "no_default_type",
    "parse_policy",
    "passes",
    "refusal",
    "without_effect",
]
