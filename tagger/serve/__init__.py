"""The HTTP API of `tagger serve`: tags for other programs (extra ``serve``)."""
