"""Measures how fast rows reach the service, beside what a user could write with the vendor's own packages."""
