"""Flights of uncrewed aerial vehicles on the learning side: where will it be in a second?"""
