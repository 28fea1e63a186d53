"""Archives: files in, one tagged file out, on one machine or many."""
