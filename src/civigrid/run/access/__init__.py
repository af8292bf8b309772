"""Travel times, access and the one-stop shop, from a run file and from the shell."""
