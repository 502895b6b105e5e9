"""The load balancers: HAProxy, what browsers connect to. Each instance carries the whole site, if it must."""
