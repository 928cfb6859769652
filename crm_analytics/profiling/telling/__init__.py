"""Claims in words, English and Turkish."""
