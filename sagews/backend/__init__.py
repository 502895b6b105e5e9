"""The backend: the server that browsers and scripts talk to."""
