"""What labelling tools export and import: one file a tool."""
