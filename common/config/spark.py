"""The engine: settings of section `spark`."""

from pydantic import Field, field_validator

from common.config.section import Section

# Spark refuses a heap under 450 MB, of which the JVM's own share is not counted.
_LEAST_MB = 512


class SparkSettings(Section):
    """The engine of transformation, labeling and bulk scoring."""

    master: str = Field("local[*]", description="Spark master: local[N], spark://…, yarn, k8s://…")
    driver_memory: str = Field(
        "3g",
        pattern=r"^[0-9]+[mg]$",
        description=f"JVM heap, as 3g or 900m; {_LEAST_MB}m at least",
    )
    shuffle_partitions: int = Field(
        8, ge=1, description="partitions after a shuffle; on a cluster three a core"
    )
    driver_rows: int = Field(
        20_000_000,
        ge=0,
        description="rows up to which the driver holds ids and replies (250 bytes a row); of more, "
        "Spark joins them",
    )

    @field_validator("driver_memory")
    @classmethod
    def _enough(cls, memory: str) -> str:
        if int(memory[:-1]) * (1024 if memory.endswith("g") else 1) < _LEAST_MB:
            raise ValueError(f"too little for Spark; {_LEAST_MB}m is the least that works")
        return memory
