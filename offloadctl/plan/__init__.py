"""Decisions, pure: facts, wishes and the time now go in, plans with reasons come out."""
