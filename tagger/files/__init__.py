"""Documents and rows on disk: one file a format."""

from tagger.files.formats import FORMATS, format_of, read_rows
from tagger.files.rows import Reject, Row

__all__ = ["FORMATS", "Reject", "Row", "format_of", "read_rows"]
