"""Programs for working on sagews; none of them is part of a site."""
