"""Run folders: what training leaves behind, and reading it again."""
