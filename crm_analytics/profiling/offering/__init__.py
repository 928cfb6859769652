"""From what is known of a household to the one offer that pays."""
