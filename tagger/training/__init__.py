"""Labelled sentences -> model."""
