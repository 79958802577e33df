"""Handrail: self-service AWS that a platform team can trust."""

__version__ = "0.1.0"
