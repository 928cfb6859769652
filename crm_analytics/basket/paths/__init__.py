"""The order in which customers take up products, and what comes next, when."""

from crm_analytics.basket.paths.product_paths import ProductPaths

__all__ = ["ProductPaths"]
