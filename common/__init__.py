"""What two or more stages share: settings, artifacts, text rules, label schema, Spark, logging."""
