"""A city of simulated households at a coalition loyalty programme, whose truth is known."""

from crm_analytics.datasets.city.city import City, make_city

__all__ = ["City", "make_city"]
