"""The log server: takes the records of all components and writes them into the database, each one once."""
