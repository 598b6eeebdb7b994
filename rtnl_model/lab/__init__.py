"""The laboratory: stress, explore, conform, the catalogue of bugs, invariants."""
