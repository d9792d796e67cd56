"""The only I/O: each adapter keeps the promises of one port. Import the one that you need: none is loaded here."""
