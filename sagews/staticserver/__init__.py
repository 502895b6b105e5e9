"""The static server: nginx, which gives load balancers of its machine the browser's files and published workspaces."""
