"""tools/chart-node: the chart and the image on a real node, pods rolled, killed and scaled under load."""
