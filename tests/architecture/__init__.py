"""The architecture's rules, one module for each subject, and planted breaches of each rule."""
