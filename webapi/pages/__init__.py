"""Pages for people: one blueprint per group, all in the frame of templates/frame.html."""
