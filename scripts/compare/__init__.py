"""Which configuration is best, by how much, and is it real?"""
