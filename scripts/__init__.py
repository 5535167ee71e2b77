"""What a person types, and what those commands are made of."""
