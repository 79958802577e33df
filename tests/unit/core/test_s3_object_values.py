"""Files on their way to become objects: keys as `aws s3 cp` makes them, filters, parts, progress."""

import zlib

import pytest

from handrail.core.errors import Usage
from handrail.core.objects import (
    MIB,
    OBJECT_LIMIT,
    PART,
    PART_LIMIT,
    Filter,
    LocalFile,
    Progress,
    Shipment,
    check_filter,
    checksum_text,
    content_type,
    file_key,
    folder_key,
    part_size,
    progress_text,
    stream_part_size,
    sum_sizes,
)


def test_keys_as_aws_s3_cp_makes_them() -> None:
    assert file_key("../dir/a b.txt", "") == "a b.txt"
    assert file_key("a.txt", "site") == "sitea.txt"
    assert folder_key("css/x.css", "site/") == "site/css/x.css"


@pytest.mark.parametrize("size", [0, 1, PART, PART * PART_LIMIT, PART * PART_LIMIT + 1, 5 << 40, OBJECT_LIMIT])
def test_parts_are_at_most_ten_thousand(size: int) -> None:
    part = part_size(size)
    assert part >= PART
    assert part % MIB == 0
    assert -(-size // part) <= PART_LIMIT
    assert part == PART or -(-size // (part - MIB)) > PART_LIMIT, "no larger than it must be"


def test_parts_of_a_stream_grow_and_end() -> None:
    sizes = [stream_part_size(number) for number in (1, 1000, 1001, 5001, PART_LIMIT, PART_LIMIT + 1)]
    assert sizes == [PART, PART, 4 * PART, 8 * PART, 8 * PART, None]


def test_checksums_as_s3_writes_them() -> None:
    # AWS's own example: the CRC32 of "Hello world" is i9aeUg==.
    assert checksum_text(zlib.crc32(b"Hello world")) == "i9aeUg=="
    assert checksum_text(0) == "AAAAAA=="


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/index.html", "text/html"),
        ("a.css", "text/css"),
        ("a.tar.gz", "application/gzip"),
        ("a.txt.bz2", "application/x-bzip2"),
        ("a.svgz", "application/gzip"),
        ("a.txt.Z", "application/octet-stream"),
        ("README", "application/octet-stream"),
    ],
)
def test_content_types_by_name(name: str, expected: str) -> None:
    assert content_type(name) == expected


def test_filters() -> None:
    chosen = Filter(include=("*.html", "img/*"), exclude=("*/draft*", ".git"))
    taken = ["a.html", "b/c.html", "img/x/y.png"]
    left = ["a.css", "b/draft.html", ".git"]
    assert [path for path in taken + left if chosen.takes(path)] == taken
    assert Filter().takes("anything")
    assert chosen.leaves_out(".git")
    assert check_filter(["*"], []) == Filter(("*",))
    with pytest.raises(Usage, match="leaves nothing"):
        check_filter(["*.txt"], ["*"])


def test_progress_tells_files_bytes_rate_and_time_left() -> None:
    half = Progress(files=602, total_files=1204, sent=512 * MIB, total=1024 * MIB, seconds=4)
    text = progress_text(half)
    assert text == ("602 of 1,204 files · 512.0 MiB of 1.0 GiB  ━━━━━━━━━━━━────────────  50 %  128.0 MiB/s  4 s left")
    assert progress_text(Progress(0, 1, 0, 0, 0.0)).endswith("100 %  0 B/s")
    assert progress_text(Progress(0, 1, 0, 10, 0.0)).endswith("0 %  0 B/s")
    assert progress_text(Progress(0, 1, 2048, None, 2.0)) == "0 of 1 files · 2.0 KiB · 1.0 KiB/s"


def test_a_shipment_as_a_row() -> None:
    file = LocalFile("/x/a", "a", "k", 3)
    assert sum_sizes([file, file]) == 6
    row = Shipment(file, "uploaded", "AAAAAA==", "v1").as_json()
    assert row == {"path": "a", "key": "k", "size": 3, "status": "uploaded", "crc32": "AAAAAA==", "version": "v1"}
    failed = Shipment(file, "failed", error=Usage("no")).as_json()
    assert failed["crc32"] is None
    assert failed["error"] == {"code": "usage", "message": "no", "hint": "", "details": {}}
