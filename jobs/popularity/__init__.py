"""Jobs that say how often everybody hears something, and how many do. None of them imports Spark."""
