"""Programs that exported folders hold; each runs from its folder, without this project unless it says so."""
