"""`python -m handrail`: the same program as `handrail`."""

from handrail.doors.cli import main

main()
