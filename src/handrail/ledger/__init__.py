"""What holds under concurrency and stays on record: the cap, requests, the audit. Speaks to AWS through aws/ only."""
