"""The rules of a home: their tables, files, checks, and how they reach the warehouse."""
