"""How it runs: health, metrics, the doctor, and what is no longer kept. Reads all other parts."""
