"""Tokens -> TF-IDF features and linear scores, as sums over the parts of a sentence."""
