"""Objectives, predictors and the pipeline from physical inputs to physical targets."""
