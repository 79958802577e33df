"""The only writer: results on stdout, everything else on stderr, and the reference pages. Knows core only."""
