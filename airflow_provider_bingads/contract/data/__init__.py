"""The contract's data files: generated ones, and the rights kept by hand."""
