"""Many pictures of one idea: draws of a recipe, recipes by chance, recipes bred, grids."""
