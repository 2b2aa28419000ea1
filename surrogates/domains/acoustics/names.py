"""Names of the variables in a store of sound in rooms that more than one piece reads."""

PRESSURE, INITIAL = "sound_pressure", "initial_pressure"
FIELD, RECEIVED = "sound_pressure_field", "receiver_pressure"
SOURCE, RECEIVER = "source_position", "receiver_position"
AIR, SIZE, IMPEDANCE = "air", "room_size", "wall_impedance"
SPEED, DENSITY = "speed_of_sound", "air_density"
HIGHEST, WIDTH = "highest_frequency", "pulse_width"
POINT, TIME = "point", "time"
SPACE = ("x", "y", "z")
POINT_SPACE, POINT_TIME = ("point_x", "point_y", "point_z"), "point_time"
BRANCH_SPACE = ("branch_x", "branch_y", "branch_z")
