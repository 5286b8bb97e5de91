"""The table engine: DuckDB in-process."""
