"""Files of users with pictures and sounds in them: which are read, and how."""
