"""The verbs of `sagews`, one a file; those that exist are listed in `sagews.admin.main`."""
