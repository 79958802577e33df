"""Faults, kills and frozen processes at every call of the real program, and what is left afterwards."""
