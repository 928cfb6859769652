"""What is claimed of a household, how strongly, and on which lines it rests."""
