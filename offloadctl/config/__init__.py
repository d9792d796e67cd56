"""Our settings: flags before environment before the named context before Pulsar's client.conf before defaults."""
