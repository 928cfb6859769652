"""How likely each customer is to leave, and why."""
