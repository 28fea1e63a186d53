"""The page to read, correct and teach with."""
