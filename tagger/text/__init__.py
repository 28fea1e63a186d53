"""Text -> sentences and tokens: what a language is to tagger."""
