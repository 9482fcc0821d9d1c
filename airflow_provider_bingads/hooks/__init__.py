"""Airflow connections made into clients and engines."""
