"""From manifests on spark_result to result tables, and back out of them."""
