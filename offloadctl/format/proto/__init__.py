"""Protobuf messages inside offloaded objects, Pulsar's and BookKeeper's; pulsar.proto says how to regenerate them."""
