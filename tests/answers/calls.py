"""Every operation as command lines that run, and the AWS calls that each makes.

`LINES` has a ready-made command line for each operation of the catalogue that speaks to AWS (`OFFLINE`: those that do
not); `record(ground, line)` runs one undisturbed and returns its exchanges; `proxy.spoiling(name, nth, how)` gives
the nth reply of that name (`ec2:RunInstances`), or every one from it on, to `how`, which returns what arrives instead.
The call itself is carried out all the same: what arrives is wrong, not what was done.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from conftest import Done, Handrail, Sandbox
from handrail.core.ownership import ownership_tags
from ledger.proxies import Exchange, Watched

# ---- the ground


@dataclass(frozen=True)
class Ground:
    """A sandbox, the program in front of it with room for every cell, and the proxy between the two."""

    sandbox: Sandbox
    handrail: Handrail
    proxy: Watched
    folder: Path

    def run(self, argv: Sequence[str], **environ: str) -> Done:
        """Run a command line through the proxy."""
        return self.handrail(*argv, AWS_ENDPOINT_URL=self.proxy.endpoint, **environ)

    def instance(self, name: str, state: str) -> str:
        """Make an instance of dev-1 as Handrail would, by a call of our own and without a place; return its id."""
        ec2 = self.sandbox.client("ec2", owner="dev-1")
        request = f"made-{time.monotonic_ns()}"
        tags = [{"Key": key, "Value": value} for key, value in ownership_tags("dev-1", request).items()]
        reply = ec2.run_instances(
            ImageId=self._image(),
            InstanceType="t3.nano",
            MinCount=1,
            MaxCount=1,
            ClientToken=f"hr-{request}",
            TagSpecifications=[{"ResourceType": "instance", "Tags": [*tags, {"Key": "Name", "Value": name}]}],
        )
        made: str = reply["Instances"][0]["InstanceId"]
        if state == "stopped":
            time.sleep(0.01)
            ec2.stop_instances(InstanceIds=[made])
        return made

    def _image(self) -> str:
        images = self.sandbox.client("ec2").describe_images(Owners=["amazon"])["Images"]
        return str(next(one["ImageId"] for one in images if one["Architecture"] == "x86_64"))

    def bucket(self, name: str, *more: str) -> str:
        """Make a bucket."""
        self.handrail.ok("s3", "create", name, *more)
        return name

    def put(self, bucket: str, key: str) -> None:
        """Put an object into a bucket."""
        self.sandbox.client("s3", owner="dev-1").put_object(Bucket=bucket, Key=key, Body=b"old\n")

    def file(self, name: str, size: int = 20) -> str:
        """Write a file into the working folder, and return its name."""
        path = self.handrail.cwd / name
        path.write_bytes(b"x" * size)
        return name


# ---- the command lines

Make = Callable[[Ground, str], list[str]]


@dataclass(frozen=True)
class Line:
    """One way to call an operation. make: given a name that nothing has, makes what is needed and returns the words."""

    operation: str
    make: Make
    variant: str = ""

    @property
    def name(self) -> str:
        """Return how a test calls it: `s3 create --public`."""
        return f"{self.operation} {self.variant}".strip() or "overview"


def _instance(state: str, *words: str) -> Make:
    """Return a maker of a command line about an instance: its id stands for `{id}`."""
    return lambda ground, name: [
        word.format(id=ground.instance(name, state)) if "{" in word else word for word in words
    ]


def _bucket(*words: str, options: Sequence[str] = (), objects: Sequence[str] = ()) -> Make:
    """Return a maker of a command line about a bucket with these objects: its name stands for `{name}`."""

    def make(ground: Ground, name: str) -> list[str]:
        ground.bucket(name, *options)
        for key in objects:
            ground.put(name, key)
        return [word.format(name=name) for word in words]

    return make


def _upload(size: int) -> Make:
    def make(ground: Ground, name: str) -> list[str]:
        return ["s3", "upload", ground.bucket(name), ground.file(f"{name}.bin", size)]

    return make


def _leftovers(ground: Ground, name: str) -> list[str]:
    """Delete a bucket with everything in it: objects, versions, and an upload that never ended."""
    ground.bucket(name, "--versioning")
    ground.put(name, "old")
    ground.put(name, "old")
    ground.sandbox.client("s3", owner="dev-1").create_multipart_upload(Bucket=name, Key="half")
    return ["s3", "delete", name, "--empty", "--yes"]


def _words(*words: str) -> Make:
    return lambda _ground, name: [word.format(name=name) for word in words]


def _release(ground: Ground, name: str) -> list[str]:
    """Let go of the place of a create whose answer was cut short."""
    with ground.proxy.spoiling("ec2:RunInstances", 1, lambda made: made.reply.saying(body=made.reply.body[:100])):
        ground.run(["ec2", "create", "--name", name, "--request-id", name])
    return ["lease", "release", name, "--now", "--yes"]


def _named(ground: Ground, name: str) -> list[str]:
    """Plan an instance with everything that has a name of its own."""
    ec2 = ground.sandbox.client("ec2")
    ec2.create_key_pair(KeyName=name)
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    there = ["--key-pair", name, "--security-group", group, "--subnet", subnet]
    return ["ec2", "create", "--name", name, *there, "--dry-run"]


IN_PARTS = (8 << 20) + 1  # bytes of a file that goes in two parts

LINES: Sequence[Line] = (
    Line("", _words()),
    Line("ec2 create", _words("ec2", "create", "--name", "{name}", "--request-id", "{name}")),
    Line("ec2 create", _words("ec2", "create", "--name", "{name}", "--image", "ubuntu", "--dry-run"), "--dry-run"),
    Line("ec2 create", _named, "--dry-run, all named"),
    Line("ec2 list", _words("ec2", "list", "-o", "json")),
    Line("ec2 show", _instance("running", "ec2", "show", "{id}", "-o", "json")),
    Line("ec2 update", _instance("running", "ec2", "update", "{id}", "--tag", "team=blue", "--untag", "none")),
    Line("ec2 update", _instance("stopped", "ec2", "update", "{id}", "--type", "m5.large"), "--type"),
    Line("ec2 start", _instance("stopped", "ec2", "start", "{id}")),
    Line("ec2 stop", _instance("running", "ec2", "stop", "{id}")),
    Line("ec2 reboot", _instance("running", "ec2", "reboot", "{id}")),
    Line("ec2 delete", _instance("running", "ec2", "delete", "{id}", "--yes")),
    Line("ec2 wait", _instance("running", "ec2", "wait", "{id}", "--state", "running")),
    Line("s3 create", _words("s3", "create", "{name}", "--request-id", "{name}")),
    Line("s3 create", _words("s3", "create", "{name}", "--public", "--versioning", "--yes"), "--public"),
    Line("s3 create", _words("s3", "create", "{name}", "--object-lock"), "--object-lock"),
    Line("s3 list", _bucket("s3", "list", "--size", "-o", "json", objects=("old",))),
    Line("s3 list", _bucket("s3", "list", "-o", "json", options=("--public", "--yes")), "public"),
    Line("s3 show", _bucket("s3", "show", "{name}", "-o", "json", objects=("old",))),
    Line("s3 show", _bucket("s3", "show", "{name}", "-o", "json", options=("--public", "--yes")), "public"),
    Line("s3 update", _bucket("s3", "update", "{name}", "--public", "--yes"), "--public"),
    Line("s3 update", _bucket("s3", "update", "{name}", "--private", options=("--public", "--yes")), "--private"),
    Line("s3 upload", _upload(20)),
    Line("s3 upload", _upload(IN_PARTS), "in parts"),
    Line("s3 objects", _bucket("s3", "objects", "{name}", "-o", "json", objects=("old", "older"))),
    Line("s3 remove", _bucket("s3", "remove", "{name}", "old", "--yes", objects=("old",))),
    Line("s3 delete", _bucket("s3", "delete", "{name}", "--yes")),
    Line("s3 delete", _leftovers, "--empty"),
    Line("audit list", _words("audit", "list", "-o", "json")),
    Line("audit verify", _words("audit", "verify")),
    Line("audit anchor", _words("audit", "anchor", "{name}.json")),
    Line("audit anchor", _bucket("audit", "anchor", "--bucket", "{name}", options=("--object-lock",)), "--bucket"),
    Line("lease list", _words("lease", "list", "-o", "json")),
    Line("lease release", _release),
    Line("init", _words("init")),
)
# What touches this machine only; a test says that no call is made.
OFFLINE = frozenset(
    {
        "policy show",
        "policy check",
        "policy init",
        "sandbox start",
        "sandbox stop",
        "sandbox status",
        "sandbox reset",
        "sandbox env",
        "use",
        "demo",
    }
)


def record(ground: Ground, line: Line, name: str) -> tuple[Done, list[Exchange]]:
    """Run a command line undisturbed through the proxy; return what it came to, and its calls in their order."""
    argv = line.make(ground, name)
    with ground.proxy.spoiling("", 0, lambda exchange: exchange.reply) as order:
        return ground.run(argv), order.exchanges
