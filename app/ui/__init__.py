"""What every screen is drawn and driven with: theme, widgets, keys and devices, sound, pacing. It knows no match."""
