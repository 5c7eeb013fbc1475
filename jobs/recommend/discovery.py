"""When each user last heard each recording, whenever that was (jobs.md 8): recommendations tell it."""

from jobs.job import AT, Command, Files, Job
from jobs.ranges import ALL_TIME

JOB = Job(
    name="cf.recommendations.recording.discovery",
    statistic="recommendation_discovery",
    select={},
    params=(AT,),
    inputs=(),
    run="jobs.chain.discovery.discovery",
    output=Files(),
    about="When each user last heard each recording",
    command=Command("request_recording_discovery"),
    ranges=(ALL_TIME,),
)
