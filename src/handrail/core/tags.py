"""The tags that people set on what they own: keys, values, how many. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from handrail.core.errors import Usage
from handrail.core.fields import show

MOST_TAGS = 50  # of an instance, and of a bucket
KEY_LIMIT, VALUE_LIMIT = 128, 256
_LETTERS = re.compile(r"[\w .:/=+\-@]*\Z")


def tags_after(tags: Mapping[str, str], put: Mapping[str, str], drop: Iterable[str]) -> dict[str, str]:
    """Return tags as they are once some are set and others removed."""
    return {key: value for key, value in {**tags, **put}.items() if key not in drop}


@dataclass(frozen=True)
class TagRules:
    """What one kind of resource takes as tags of its owner's.

    most: how many; the rest of AWS's 50 are Handrail's. name_hint: how its name is set where `Name` is no tag like any
    other. Source: EC2 user guide, "Tag restrictions".
    """

    most: int
    name_hint: str = ""

    def check_key(self, key: str) -> str:
        """Return a tag key that a user may set. Raises Usage."""
        if key.lower().startswith("aws:"):
            raise Usage(f"the tag key {show(key)} is AWS's own.", hint="choose a key that does not begin with aws:")
        if key == "managed-by" or key.startswith("handrail:"):
            raise Usage(f"the tag {show(key)} is Handrail's own mark.", hint="choose another key")
        if key == "Name" and self.name_hint:
            raise Usage("the tag Name is the instance's name.", hint=self.name_hint)
        if not key or len(key) > KEY_LIMIT or not _LETTERS.match(key):
            raise Usage(f"{show(key)} is not a tag key.", hint="1 to 128 letters, digits, spaces or . : / = + - @ _")
        return key

    def parse(self, pairs: Iterable[str]) -> dict[str, str]:
        """Return tags written `key=value`. Raises Usage on a bad, doubled or reserved one."""
        tags: dict[str, str] = {}
        for pair in pairs:
            key, equals, value = pair.partition("=")
            if not equals:
                raise Usage(f"the tag {show(pair)} has no value.", hint="--tag key=value")
            self.check_key(key)
            if len(value) > VALUE_LIMIT or not _LETTERS.match(value):
                raise Usage(
                    f"the value of tag {show(key)} is not allowed.",
                    hint="at most 256 letters, digits, spaces or . : / = + - @ _",
                )
            if tags.setdefault(key, value) != value:
                raise Usage(f"the tag {show(key)} is given twice.", hint="give each key once")
        if len(tags) > self.most:
            raise Usage(f"{len(tags)} tags are too many.", hint=f"at most {self.most}")
        return tags

    def edit(self, pairs: Iterable[str], untag: Iterable[str]) -> dict[str, str]:
        """Return the tags to set. Raises Usage as `parse` does, and on one that is to be removed as well."""
        tags = self.parse(pairs)
        clash = set(tags) & set(untag)
        if clash:
            raise Usage(f"the tag {min(clash)} is both set and removed.", hint="give it to --tag or to --untag")
        return tags
