"""One file a question: from a household's lines to the claims that answer it."""
