"""The table of all policy keys: validation, judging, `policy show`, `policy init` and the reference are made of it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from handrail.core.policy import values as v
from handrail.core.secret_files import SECRET_FILES

PRESETS = ("strict", "open")


class Found(Enum):
    """What a key does in a `handrail.toml` that was merely found in or above the working folder: it can only narrow.

    The value is the sentence of the reference.
    """

    JUDGES = "both must let a plan pass"
    TIGHTENS = "the tighter of both holds"
    AGREES = "must be the region that holds without it, else every command stops"
    TAKES = "can take names away, add none"
    IGNORED = "has no effect: such a file chooses no defaults"
    STARTS = "says the rest of that file, and no more"


@dataclass(frozen=True)
class Key:
    """One policy key.

    name: `ec2.types`. kind: what its value is, in words. read: turns the TOML value into the policy's own. help: one
    sentence. example: a value as TOML writes it. found: what it does in a file that was merely found. strict, open: its
    value under each preset; None is "not set". unset: what "not set" means. judge: whether the policy's value lets
    another one pass, a claimed one or that of a nearer file. refused: the sentence of a refusal, with `{value}`; a key
    without it is no subject of claims. advice: what to do where no other value helps. fill: makes a value that passes
    from a pattern and the refused value. optional: leaving the option out passes too. ranks: the words of a choice, the
    narrowest first. default_of: the key that must allow this default. demands: it lists what must be or must not, not
    what may.
    """

    name: str
    kind: str
    read: v.Reader
    help: str
    example: str
    found: Found
    strict: Any = None
    open: Any = None
    unset: str = "any"
    judge: v.Judge | None = None
    refused: str = ""
    advice: str = ""
    fill: Callable[[str, str], str] | None = None
    optional: bool = False
    ranks: tuple[str, ...] = ()
    default_of: str = ""
    demands: bool = False

    @property
    def section(self) -> str:
        """Return the TOML table that it stands in, empty at the top."""
        return self.name.rpartition(".")[0]

    @property
    def word(self) -> str:
        """Return its name within the section."""
        return self.name.rpartition(".")[2]

    @property
    def is_list(self) -> bool:
        """Return whether it lists what a claim may be."""
        return self.is_claimed and self.judge in (v.listed, v.below)

    @property
    def is_tags(self) -> bool:
        """Return whether it lists required tags."""
        return self.word == "required_tags"

    @property
    def is_claimed(self) -> bool:
        """Return whether plans claim something of it, and a claim may be refused."""
        return bool(self.refused)

    def default(self, preset: str) -> Any:
        """Return its value under a preset."""
        return self.strict if preset == "strict" else self.open

    def permits(self, limit: Any, value: Any) -> bool:
        """Return whether a value of it lets another one pass."""
        return self.judge is not None and self.judge(limit, value)

    def beyond(self, limit: Any, mine: Any) -> Any:
        """Return what of a value goes beyond `limit`, in the form of a value; () where nothing does."""
        if self.ranks:
            return mine if self.ranks.index(mine) > self.ranks.index(limit) else ()
        if self.demands:
            return tuple(item for item in limit or () if not self._demands(item, mine or ()))
        if self.found is Found.TAKES:  # no list is one with nobody on it
            limit, mine = limit or (), mine or ()
        if self.judge is None or limit is None:
            return ()
        if not isinstance(limit, tuple):
            return () if mine is not None and self.permits(limit, mine) else mine
        wanted = ("*",) if mine is None else mine
        return tuple(item for item in wanted if item not in limit and not self.permits(limit, item))

    def _demands(self, item: Any, mine: tuple[Any, ...]) -> bool:
        """Return whether a list demands what another one does: a required tag also with fewer values."""
        return item in mine or (
            self.is_tags and any(tag == item[0] and v.matches(item[1:], word) for tag, word in mine)
        )

    def text(self, value: Any, limit: int | None = None) -> str:
        """Return a value of it in words, a list cut after `limit` items."""
        if value is None:
            return self.unset
        if isinstance(value, bool):
            return str(value).lower()
        if not isinstance(value, tuple):
            return str(value)
        words = [item if isinstance(item, str) else f"{item[0]}={item[1]}" for item in value]
        if limit and len(words) > limit:
            words[limit:] = [f"and {len(words) - limit} more"]
        return ", ".join(words) or "nothing"

    def toml(self, value: Any) -> str:
        """Return a value of it as the policy file writes it."""
        import json

        if value is None:
            return json.dumps(v.NO_CAP)
        return json.dumps(list(value) if isinstance(value, tuple) else value)


def as_json(value: Any) -> Any:
    """Return a policy value as JSON has it: lists for tuples, an object for required tags."""
    if not isinstance(value, tuple):
        return value
    return dict(value) if value and isinstance(value[0], tuple) else list(value)


def _choice(
    name: str, ranks: tuple[str, ...], help: str, *, strict: str, found: Found = Found.TIGHTENS, **rest: Any
) -> Key:
    kind = "one of " + ", ".join(f'"{word}"' for word in ranks)
    rest = {"open": strict, **rest}
    return Key(name, kind, v.choice(*ranks), help, f'"{strict}"', found, strict, ranks=ranks, **rest)


def _cap(name: str, help: str, example: str, *, strict: int | None = None) -> Key:
    kind, read = 'a whole number or "none"', v.number(100_000, none=True)
    return Key(name, kind, read, help, example, Found.TIGHTENS, strict, unset="no cap", judge=v.at_most)


def _listed(
    name: str, kind: str, check: v.Check, help: str, example: str, judge: v.Judge = v.listed, **rest: Any
) -> Key:
    read = v.items(check, never_empty=rest.pop("never_empty", ""))
    return Key(name, f"a list of {kind}", read, help, example, Found.JUDGES, judge=judge, **rest)


def _switch(name: str, help: str, judge: v.Judge, refused: str, *, usual: bool) -> Key:
    key = Key(name, "true or false", v.flag, help, str(not usual).lower(), Found.JUDGES, usual, usual)
    return replace(key, judge=judge, refused=refused, optional=True)


def _ttl(name: str, most: str, example: str, judge: v.Judge, *, unset: str, beyond: str) -> Key:
    help = f"The {most} TTL that a record may have."
    refused = f"a TTL of {{value}} s is {beyond} than the policy allows."
    key = Key(name, "a number of seconds", v.number(2**31 - 1), help, example, Found.JUDGES)
    return replace(key, unset=unset, judge=judge, refused=refused)


def _default(name: str, of: str, what: str, kind: str, read: v.Reader, example: str, unset: str) -> Key:
    help = f"The {what} of a new instance where none is given."
    return Key(name, kind, read, help, example, Found.IGNORED, unset=unset, default_of=of)


def _not_a(noun: str) -> str:
    return "{value} is not " + noun + " that the policy allows."


def _fill_name(pattern: str, value: str) -> str:
    return v.filled(pattern, re.sub(r"[^\w.-]+", "-", value, flags=re.ASCII))


_SIZES = ("nano", "micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge")


def _fill_type(pattern: str, value: str) -> str:
    size = value.rpartition(".")[2]
    # Nearly every family has a "large"; a size that nobody knows was misspelt.
    return pattern.removesuffix("*") + (size if size in _SIZES else "large") if pattern.endswith(".*") else pattern


def _fill_zone(suffix: str, value: str) -> str:
    return f"{value.partition('.')[0]}.{suffix}"


def _manage(service: str, what: str) -> Key:
    help = f'"own": only {what} that Handrail created are shown and touched; "any": all of them, after asking.'
    return _choice(f"{service}.manage", ("own", "any"), help, strict="own", open="any" if service == "ec2" else "own")


def _required_tags(service: str, what: str) -> Key:
    return Key(
        f"{service}.required_tags",
        "a list of tag keys, or a table of tag key and pattern of its value",
        v.tags,
        f"Tags that every new {what} must be given.",
        '["team", "cost-center"]',
        Found.JUDGES,
        unset="none",
        judge=v.tagged,
        demands=True,
        refused="the tag {value} is missing, or its value is not one that the policy allows.",
    )


_ALL = (
    _choice(
        "preset", PRESETS, "What holds where this file says nothing.", strict="strict", open="open", found=Found.STARTS
    ),
    _listed(
        "accounts",
        "account numbers, as text",
        v.account,
        "The AWS accounts that may be worked in. The sandbox is none, and always may.",
        '["111122223333"]',
        never_empty="leave accounts out to allow every account",
        refused=_not_a("an account"),
        advice="sign in to an account that the rule lists",
    ),
    Key(
        "home_region",
        "a region",
        v.one(v.region),
        "The one region that holds the account's ledger.",
        '"us-east-1"',
        Found.AGREES,
        unset="HANDRAIL_HOME_REGION, else us-east-1",
    ),
    _choice(
        "others", ("refuse", "ask", "allow"), "What happens when somebody changes another owner's thing.", strict="ask"
    ),
    Key(
        "job_servers",
        "a list of owner names or ARNs, patterns allowed",
        v.items(v.text),
        "The principals of job servers, whose word on who asked for a run is believed.",
        '["arn:aws:sts::111122223333:assumed-role/handrail-console/*"]',
        Found.TAKES,
        unset="none",
        judge=v.listed,
    ),
    _listed(
        "ec2.types",
        "instance types, patterns allowed",
        v.instance_types,
        "Instance types that may be created; the first is the default.",
        '["t3.nano", "t3.micro", "t4g.*"]',
        strict=("t3.nano", "t4g.nano"),
        open=("*",),
        refused=_not_a("an instance type"),
        fill=_fill_type,
    ),
    _default(
        "ec2.default_type",
        "ec2.types",
        "type",
        "an instance type",
        v.one(v.instance_type),
        '"t3.nano"',
        "the first that ec2.types lists",
    ),
    _listed(
        "ec2.images",
        'image aliases ("ubuntu", "amazon-linux") or AMI ids, patterns allowed',
        v.image,
        "Images that instances may be made from.",
        '["ubuntu", "amazon-linux", "ami-0a1b2c3d4e5f60718"]',
        strict=("ubuntu", "amazon-linux"),
        open=("*",),
        refused=_not_a("an image"),
    ),
    _listed(
        "ec2.regions",
        "regions, patterns allowed",
        v.regions,
        "Regions that instances may be created in.",
        '["us-east-1", "eu-*"]',
        open=("*",),
        unset="the home region; on the sandbox every region",
        refused=_not_a("a region for instances"),
    ),
    _cap("ec2.max_running", "How many instances that Handrail created may run in the account at once.", "2", strict=2),
    _cap("ec2.max_running_per_region", "How many of them may run in one region at once.", "2"),
    _cap("ec2.max_running_per_owner", "How many of them one owner may run at once.", "1"),
    _required_tags("ec2", "instance"),
    _listed(
        "ec2.names",
        "patterns; {owner} stands for the caller",
        v.with_owner,
        "Names that instances may have.",
        '["{owner}-*", "team-*"]',
        refused=_not_a("an instance name"),
        fill=_fill_name,
    ),
    _listed(
        "ec2.key_pairs",
        "key pair names, patterns allowed",
        v.text,
        "Key pairs that may be put on instances.",
        '["team-*"]',
        refused=_not_a("a key pair"),
        optional=True,
    ),
    _listed(
        "ec2.security_groups",
        "security group ids or names, patterns allowed",
        v.text,
        "Security groups that instances may be in.",
        '["sg-0a1b2c3d4e5f60718", "web-*"]',
        refused=_not_a("a security group"),
        optional=True,
    ),
    _listed(
        "ec2.subnets",
        "subnet ids, patterns allowed",
        v.subnets,
        "Subnets that instances may be in.",
        '["subnet-0a1b2c3d4e5f60718"]',
        refused=_not_a("a subnet"),
        optional=True,
    ),
    _listed(
        "ec2.instance_profiles",
        "instance profile names or ARNs, patterns allowed",
        v.text,
        "Instance profiles that instances may carry.",
        '["web-*"]',
        refused=_not_a("an instance profile"),
        optional=True,
    ),
    _switch(
        "ec2.user_data",
        "Whether a start-up script may be given.",
        lambda limit, wanted: limit or not wanted,
        "user data may not be given under this policy.",
        usual=True,
    ),
    _default(
        "ec2.default_key_pair", "ec2.key_pairs", "key pair", "a key pair name", v.one(v.text), '"team-key"', "none"
    ),
    _default(
        "ec2.default_security_groups",
        "ec2.security_groups",
        "security groups",
        "a list of security group ids or names",
        v.items(v.text),
        '["sg-0a1b2c3d4e5f60718"]',
        "those of AWS",
    ),
    _default(
        "ec2.default_subnet",
        "ec2.subnets",
        "subnet",
        "a subnet id",
        v.one(v.subnet),
        '"subnet-0a1b2c3d4e5f60718"',
        "that of AWS",
    ),
    _choice(
        "ec2.credits",
        ("standard", "unlimited"),
        'CPU credits of new T instances: "standard" never costs extra, "unlimited" may.',
        strict="standard",
        judge=lambda limit, wanted: limit == "unlimited" or wanted == "standard",
        refused="{value} CPU credits are not what the policy allows.",
        optional=True,
    ),
    _manage("ec2", "instances"),
    _choice(
        "s3.public",
        ("never", "approval", "freely"),
        'Whether buckets may be public; "approval" asks "Are you sure?" first.',
        strict="approval",
        judge=lambda limit, wanted: limit != "never" or not wanted,
        refused="no bucket may be public under this policy.",
        optional=True,
    ),
    _listed(
        "s3.names",
        "patterns; {owner} stands for the caller",
        v.with_owner,
        "Names that buckets may have.",
        '["acme-{owner}-*"]',
        refused=_not_a("a bucket name"),
        fill=_fill_name,
    ),
    _listed(
        "s3.regions",
        "regions, patterns allowed",
        v.regions,
        "Regions that buckets may be created in.",
        '["us-east-1", "eu-*"]',
        refused=_not_a("a region for buckets"),
    ),
    _switch(
        "s3.versioning",
        "Whether every new bucket keeps versions, and nobody may stop that.",
        lambda limit, wanted: wanted or not limit,
        "versioning may not be off under this policy.",
        usual=False,
    ),
    _required_tags("s3", "bucket"),
    _listed(
        "s3.secret_files",
        "patterns of file names",
        v.text,
        "Files that are never uploaded to a public bucket, by name in any case; while it lists some, private keys too.",
        '[".env", "*.pem", ".ssh"]',
        v.not_secret,
        strict=SECRET_FILES,
        open=SECRET_FILES,
        demands=True,
        refused="{value} looks like a secret, and those never go to a public bucket.",
        advice="leave it out, or use a private bucket",
    ),
    _manage("s3", "buckets"),
    _listed(
        "route53.zone_suffixes",
        "domain names",
        v.suffix,
        "Domains that zones may be created for: each of these, and all below it.",
        '["dev.example.org"]',
        v.below,
        refused=_not_a("a domain"),
        fill=_fill_zone,
    ),
    _listed(
        "route53.record_types",
        "record types",
        v.record_type,
        "Types of records that may be made, changed and deleted.",
        '["A", "AAAA", "CNAME", "TXT"]',
        refused=_not_a("a record type"),
    ),
    _ttl("route53.ttl_min", "shortest", "60", v.at_least, unset="0", beyond="shorter"),
    _ttl("route53.ttl_max", "longest", "86400", v.at_most, unset="any", beyond="longer"),
    _manage("route53", "zones"),
)

KEYS: dict[str, Key] = {key.name: key for key in _ALL}
SECTIONS: tuple[str, ...] = tuple(dict.fromkeys(key.section for key in _ALL if key.section))
