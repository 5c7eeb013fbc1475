"""Jobs that say who and what is alike: users, recordings, artists. One module per job; none of them imports Spark."""
