"""A scenario's Markdown: read, parsed, and kept; no I/O but reading."""
