"""Regular time series: read, cleaned, scaled, split by time, and cut into windows."""
