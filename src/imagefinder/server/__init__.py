"""The HTTP API and the web page: ``create_app`` makes them of an open ``ImageFinder``."""
