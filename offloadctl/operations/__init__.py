"""Use cases: fetch, decide, act, confirm, return a value. They reach the outside only through Ports."""
