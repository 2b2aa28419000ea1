"""Radio maps: path gain over a city, without and with measured samples."""
