"""Python clients (async): of a worker, and of a site."""
