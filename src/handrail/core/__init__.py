"""The words and rules of Handrail: pure values, no input or output, nothing imported from the rest."""
