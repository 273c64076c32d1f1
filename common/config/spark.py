"""The engine: settings of section `spark`."""

from pydantic import Field

from common.config.section import Section


class SparkSettings(Section):
    """The engine of transformation, labeling and bulk scoring."""

    master: str = Field("local[*]", description="Spark master: local[N], spark://…, yarn, k8s://…")
    driver_memory: str = Field("3g", pattern=r"^[0-9]+[mg]$", description="JVM heap, as 3g or 900m")
    shuffle_partitions: int = Field(8, ge=1, description="partitions after a shuffle")
