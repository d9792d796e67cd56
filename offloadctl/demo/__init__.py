"""The embedded cluster: a simulated broker's admin REST service that offloads into an object store handed in.

`cluster_state` holds the state machine, which knows no HTTP and starts no thread; `broker` answers requests as values;
`rest_app` puts them on the wire with Flask; `embedded` starts everything beside moto's S3 server, and `in_memory` does
without any socket.
"""
