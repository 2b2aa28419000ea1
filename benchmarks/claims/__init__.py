"""Claims of papers and of ours, measured: `surrogates report claims NAME`, NAME being a folder here.

The folder of a domain is a package with one function `claims()`. A claim names an experiment, a function of
a seed that gives named numbers, and which of them are compared (`benchmarks.claims.claim`). What experiments
share (stores that are built once, runs that are trained once, scores, real files) is in
`benchmarks.claims.runs` and `benchmarks.claims.files`.
"""
