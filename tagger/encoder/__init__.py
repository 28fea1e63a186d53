"""The second reader: a small encoder that rereads what words alone cannot decide."""
