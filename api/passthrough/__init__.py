"""Pass-through at the edge: the log as deciders need it, what they cannot know, and files of charges."""
