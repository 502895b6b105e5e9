"""How a fresh clone becomes a working one, step by step, and again after a change."""
