DROP TABLE playlist_collaborator, playlist_recording, playlist;
