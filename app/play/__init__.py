"""The screen on which a match is played and watched: its scene, panels, films and ending."""
