"""The embedded AWS: a moto server of our own on loopback. Knows nothing of the rest of Handrail."""
