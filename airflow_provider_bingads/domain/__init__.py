"""Rules, batching, keys, retry decisions and the error catalogue: pure functions over plain data."""
