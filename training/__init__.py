"""How the models that ship are made: pictures, trainings, exports, judges."""
