"""Published results, trained again from the data folder."""
