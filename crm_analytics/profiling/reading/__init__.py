"""The log as a profiler reads it: the population's lines in columns, and one household's share of them."""
