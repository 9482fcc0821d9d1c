"""The error catalogue: what each code of Microsoft Advertising means and what is to be done about it."""

from airflow_provider_bingads.domain.catalogue.advice import Action, Advice, Entry, advice, entries

__all__ = ["Action", "Advice", "Entry", "advice", "entries"]
