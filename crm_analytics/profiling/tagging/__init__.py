"""Tags of products, many to a product, and names of categories: tables that users extend."""

from crm_analytics.profiling.tagging.category_names import category_name
from crm_analytics.profiling.tagging.tag_table import TagTable

__all__ = ["TagTable", "category_name"]
