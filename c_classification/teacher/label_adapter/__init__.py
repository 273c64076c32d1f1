"""The tuning of the shipped labels file, as an adapter over all-mpnet-base-v2."""
