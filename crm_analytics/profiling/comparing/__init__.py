"""How a household's counts compare with those of other households, which differ among themselves."""
