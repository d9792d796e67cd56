"""One document for each result, versioned and with a schema; and how people see it."""
