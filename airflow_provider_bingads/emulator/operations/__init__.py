"""What each emulated operation does: one file for each kind of entity, found through ``operations.table``."""
