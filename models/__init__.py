"""What a policy is: its specification, its network, and both on disk and on the Hub."""

__version__ = "0.1.0"
"""Volley's version. The command line, provenance and the wheel read it from here."""
