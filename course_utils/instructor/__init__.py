"""The instructor's commands, which bring the engine and the teaching library together. Students do not have it."""
