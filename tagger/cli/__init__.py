"""The command `tagger`: one file a command."""
