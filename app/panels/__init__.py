"""What stands beside the court; each panel has a model, the numbers to show, and a view that draws them."""
