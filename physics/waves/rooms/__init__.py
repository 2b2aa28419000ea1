"""Sound in rooms: finite differences in time, walls, geometry, and what they are tested against."""
