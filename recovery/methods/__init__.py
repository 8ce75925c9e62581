"""Ways of proving who you are: one file each, none knows another. `registry` lists them."""
