"""Reading a store that another process of this machine holds: it answers, the others ask."""
