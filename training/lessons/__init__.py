"""The lessons that run in the window: each a small experiment with the code that trains everything else."""
