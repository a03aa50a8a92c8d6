"""What a policy is: its specification, its network, and both on disk."""

__version__ = "0.1.0"
"""Of all of Volley: the command line, provenance and the wheel take it from here."""
