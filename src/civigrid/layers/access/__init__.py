"""Access: what each cell and group reaches, and how unequally."""
