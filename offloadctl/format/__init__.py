"""Bytes <-> values: the objects that Pulsar's offloader writes to S3, and the entries and messages inside. No I/O."""
