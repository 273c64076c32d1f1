"""What programs run on: Java, Spark, self-contained pages.

Takes settings; makes a Spark session, a Java, a page.
Imported by the stages that need them; imports config and stage.
"""
