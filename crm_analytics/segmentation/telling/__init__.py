"""What segments are: what sets them apart, their names, and the questions asked of them."""
