"""What a person may do, one module per resource. A handler looks and returns a plan; it changes and prints nothing."""
