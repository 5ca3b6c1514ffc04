"""Mapping: a finished stack and a trained model become a map of classes, with how sure it is, and pictures of it."""

from pipeline.classify.stage import Wish, run

__all__ = ["Wish", "run"]
