"""The demo: `make demo`, or `python -m dags_examples.demo` in the environment the Makefile sets up."""
