"""Where requests come in. A door draws the catalogue, runs the road, and hands what comes back to output/."""
