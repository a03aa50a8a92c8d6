"""What stands beside the court. Each panel has a model, the numbers to show, and a view that draws them."""
