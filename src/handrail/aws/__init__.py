"""Everything that speaks to AWS. Only this package imports botocore."""

import sys

# botocore.compat imports awscrt wherever it is installed: 62 ms of every command, for signatures and checksums that
# nothing here uses (docs/adr/0001). It is decided when botocore is first imported, and BOTO_DISABLE_CRT
# is looked at only after that import; an entry of None makes the import fail at once.
sys.modules.setdefault("awscrt", None)  # type: ignore[arg-type]  # None there means: no such module
