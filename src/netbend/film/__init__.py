"""Films: a recipe over time, frame by frame, into a file that can be played."""
