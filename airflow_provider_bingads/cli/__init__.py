"""The command line ``bingads``."""
