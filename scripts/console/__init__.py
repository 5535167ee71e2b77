"""How every command behaves: its words for bad input, its options, where it writes."""
