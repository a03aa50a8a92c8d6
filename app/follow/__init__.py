"""Following a training that runs beside the window."""
