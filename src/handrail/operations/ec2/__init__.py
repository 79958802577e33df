"""Everything a person does with instances."""
