"""How the answers stand for the population: weights, errors and intervals, tests between columns."""
