"""The ledger on the real program: many processes at once against one sandbox, judged by a foreign client."""
