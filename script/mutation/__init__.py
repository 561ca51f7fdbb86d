"""What `script/mutate` is made of: the faults, and how they are tried."""
