"""What the jobs of the recommendation chain do, each a function of an EngineRun (jobs/run_engine.py). Spark side."""
