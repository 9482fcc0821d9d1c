"""Orchestration over ports: read, judge, deliver, record; pure, so that every order of events can be tried."""
