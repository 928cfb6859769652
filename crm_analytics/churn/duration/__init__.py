"""When customers leave: hazards with censoring, and cohorts of contracts."""
