"""The routes of the public documentation of March 2023: its HTTP routing table, and the two older protocols."""

import re

TABLE = """
GET /1/(user_name)/pins
GET /1/(user_name)/pins/current
GET /1/(user_name)/pins/following
GET /1/art/(custom_name)/(user_name)/(time_range)/(image_size)
GET /1/art/grid-stats/(user_name)/(time_range)/(dimension)/(layout)/(image_size)
GET /1/art/year-in-music/2022/(user_name)
GET /1/cf/recommendation/user/(user_name)/recording
GET /1/explore/color/(color)
GET /1/explore/fresh-releases/
GET /1/feedback/recording/(recording_mbid)/get-feedback-mbid
GET /1/feedback/recording/(recording_msid)/get-feedback
GET /1/feedback/user/(user_name)/get-feedback
GET /1/feedback/user/(user_name)/get-feedback-for-recordings
GET /1/latest-import
GET /1/metadata/get_manual_mapping/
GET /1/metadata/lookup/
GET /1/metadata/recording/
GET /1/playlist/(playlist_mbid)
GET /1/recommendation/feedback/user/(user_name)
GET /1/recommendation/feedback/user/(user_name)/recordings
GET /1/search/users/
GET /1/stats/sitewide/artist-map
GET /1/stats/sitewide/artists
GET /1/stats/sitewide/listening-activity
GET /1/stats/sitewide/recordings
GET /1/stats/sitewide/releases
GET /1/stats/user/(user_name)/artist-map
GET /1/stats/user/(user_name)/artists
GET /1/stats/user/(user_name)/daily-activity
GET /1/stats/user/(user_name)/listening-activity
GET /1/stats/user/(user_name)/recordings
GET /1/stats/user/(user_name)/releases
GET /1/stats/user/(user_name)/year-in-music
GET /1/stats/user/(user_name)/year-in-music/(year)
GET /1/status/get-dump-info
GET /1/user/(playlist_user_name)/playlists
GET /1/user/(playlist_user_name)/playlists/collaborator
GET /1/user/(playlist_user_name)/playlists/createdfor
GET /1/user/(user_name)/feed/events
GET /1/user/(user_name)/followers
GET /1/user/(user_name)/following
GET /1/user/(user_name)/listen-count
GET /1/user/(user_name)/listens
GET /1/user/(user_name)/playing-now
GET /1/user/(user_name)/similar-to/(other_user_name)
GET /1/user/(user_name)/similar-users
GET /1/validate-token
POST /1/art/grid/
POST /1/delete-listen
POST /1/feedback/import
POST /1/feedback/recording-feedback
POST /1/latest-import
POST /1/metadata/submit_manual_mapping/
POST /1/pin
POST /1/pin/delete/(row_id)
POST /1/pin/unpin
POST /1/playlist/(playlist_mbid)/copy
POST /1/playlist/(playlist_mbid)/delete
POST /1/playlist/(playlist_mbid)/export/(service)
POST /1/playlist/(playlist_mbid)/item/add
POST /1/playlist/(playlist_mbid)/item/add/(offset)
POST /1/playlist/(playlist_mbid)/item/delete
POST /1/playlist/(playlist_mbid)/item/move
POST /1/playlist/create
POST /1/playlist/edit/(playlist_mbid)
POST /1/recommendation/feedback/delete
POST /1/recommendation/feedback/submit
POST /1/submit-listens
POST /1/user/(user_name)/feed/events/delete
POST /1/user/(user_name)/feed/events/hide
POST /1/user/(user_name)/feed/events/unhide
POST /1/user/(user_name)/follow
POST /1/user/(user_name)/timeline-event/create/notification
POST /1/user/(user_name)/timeline-event/create/recommend-personal
POST /1/user/(user_name)/timeline-event/create/recording
POST /1/user/(user_name)/timeline-event/create/review
POST /1/user/(user_name)/unfollow
"""
OTHER_PROTOCOLS = """
POST /2.0/
GET /api/auth/
POST /api/auth/
GET /
POST /np_1.2
POST /protocol_1.2
"""


def routes(table: str) -> list[str]:
    """METHOD PATH of every line, names of parts in braces and no slash at the end: as our paths are written."""
    lines = [line for line in table.splitlines() if line]
    return [without_slash(re.sub(r"\((\w+)\)", r"{\1}", line)) for line in lines]


def without_slash(route: str) -> str:
    """The route as it is registered: a slash at the end is answered too, but not written."""
    method, path = route.split(" ")
    return f"{method} {path.rstrip('/') or '/'}"


def shape(route: str) -> str:
    """The route whatever the parts are called; the one year that is written out is one of all that are served."""
    return re.sub(r"\{\w+\}|(?<=/year-in-music/)2022", "{}", route)
