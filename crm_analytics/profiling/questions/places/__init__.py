"""Where they live and work, where they stay, and whether they are together."""
