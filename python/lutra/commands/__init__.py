"""Commands of the console program that are not part of the way from a model to text; each module adds one."""
