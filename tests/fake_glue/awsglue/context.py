from pyspark import SparkContext


class GlueContext:
    def __init__(self, context: SparkContext) -> None:
        assert isinstance(context, SparkContext)
