"""Operators: the Airflow side, thin."""
