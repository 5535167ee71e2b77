"""One page that shows a comparison: no network, no script, readable on a phone and in the dark."""
