"""broker.conf as text and as values: what each offload key means, how a file is edited, compared and judged. No I/O."""
