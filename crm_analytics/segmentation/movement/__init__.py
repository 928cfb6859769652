"""What becomes of segments: whether they stay, who moves, and where that leads."""
