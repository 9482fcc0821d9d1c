"""What the service refuses, one small function a rule, each with where it is written and how sure that is."""
