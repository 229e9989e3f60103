"""Spark SQL expressions of the settings, computed by Arrow as Spark computes them with ANSI on.

sqlglot reads them. Each operation is written here, for types whose values Arrow computes as Spark does; whatever else
stands in an expression is refused by its name, before a row is read.
"""
