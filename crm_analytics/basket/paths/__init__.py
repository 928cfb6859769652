"""Product paths: which product comes after which, how likely and how soon."""
