"""The only room that writes: keys, signed journal, proofs, tables."""
