"""A model: its classifiers, its folder on disk, its export to scikit-learn."""
