"""Labelled sentences: read, guessed at, split by document."""
