"""Answers against gold labels: figures with intervals, baselines, reports."""
