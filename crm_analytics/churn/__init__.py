"""Who will leave, when and why, and whom it pays to hold."""

__all__: list[str] = []
