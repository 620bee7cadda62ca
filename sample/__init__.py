"""The synthetic sample and its generator."""
