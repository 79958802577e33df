"""The policy: what the platform team allows. Text in, frozen values out; judging is pure. Nothing here reads files.

values.py   how a value is written and compared    document.py  TOML text to Policy, with lines; init text
keys.py     the table of all keys                  rules.py     what one request is allowed, by all policies
judging.py  claims against what each policy says   width.py     what in a narrowing file has no effect
reasons.py  why it refuses, as one error
"""
