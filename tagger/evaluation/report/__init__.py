"""Figures -> JSON, Markdown, HTML, plots and the model card; never computes."""
