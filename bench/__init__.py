"""How much it costs to answer: Regain and two other providers through the same flows, on the same machine."""
