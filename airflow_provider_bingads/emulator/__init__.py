"""A local service that behaves as the Microsoft Advertising API does, as far as ``coverage`` says.

It listens on loopback, keeps everything in memory, tells what it holds, and breaks calls on request. It shares the
contract's data with the rest of the package and no code, so that the two can judge each other. What it does is no
evidence about Microsoft: each of its rules cites a document and says how sure that is.

Start it with ``python -m airflow_provider_bingads.emulator``, with the fixture ``bingads_emulator`` in pytest, or with
:func:`airflow_provider_bingads.emulator.server.start` inside a program.
"""
