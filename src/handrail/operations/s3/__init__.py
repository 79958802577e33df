"""Everything a person does with buckets and what is in them."""
