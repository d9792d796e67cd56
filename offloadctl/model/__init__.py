"""The nouns: frozen values that every layer above shares. Nothing here does I/O."""
