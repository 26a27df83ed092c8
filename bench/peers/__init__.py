"""Other engines with the steps of our booking and its SQL, to measure the product beside them."""
