"""What the platform computes: jobs as values, the tables they read, and the Spark side that runs them."""
