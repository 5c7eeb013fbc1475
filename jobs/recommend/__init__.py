"""Jobs of recommendations, from dataframes over a model to the lists of users. None of them imports Spark."""
