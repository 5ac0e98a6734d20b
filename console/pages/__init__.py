"""The screens of a case as plain lines: what is said, in which tone; no Textual, no I/O."""
