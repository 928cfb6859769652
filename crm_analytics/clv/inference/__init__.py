"""How models of customers are fitted, asked, and doubted, whatever they assume."""
