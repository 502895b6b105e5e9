"""The worker: runs sessions, keeps open workspaces and their streams, relays them to backends."""
