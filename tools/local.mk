# Checks of the sources themselves.
