"""What a policy is: its specification, its network, and both on disk."""
