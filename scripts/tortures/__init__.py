"""Trials of tagger with hostile and unlucky input; each says what it tried and what it lost."""
