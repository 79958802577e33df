"""Where requests come in. A door draws the catalogue, runs the road, and hands what comes back to output/."""

from handrail.interpreter import keep_to_own_folders

keep_to_own_folders()  # before a door imports anything: a file of the working folder must not be taken for a module
