"""Talks to Microsoft Advertising: settings of a connection, OAuth, and REST and SOAP over one HTTP stack."""
